// The scan and the convolution before it, written once for all levels with vectors.

#include <math.h>

enum {
    BLOCK = SK_SCAN_BLOCK,
    PARTS = BLOCK / WIDTH,
    TOGETHER = 8, ///< blocks whose rows are worked on together
    CHUNK = 32,   ///< rows whose states the way back holds at once
};

/// The values of one block of channels.
typedef struct {
    sk_v part[PARTS];
} block_of;

#define EACH_PART for (int p = 0; p < PARTS; p++)

SK_INLINE LEVEL void load(block_of *v, const float *x) { memcpy(v, x, sizeof *v); }

SK_INLINE LEVEL void store(float *y, const block_of *v) { memcpy(y, v, sizeof *v); }

/// The first `count` values; zeros follow.
SK_INLINE LEVEL void load_some(block_of *v, const float *x, ptrdiff_t count) {
    if (count >= BLOCK) {
        load(v, x);
    } else {
        float values[BLOCK] = {0};
        memcpy(values, x, (size_t)count * sizeof(float));
        load(v, values);
    }
}

SK_INLINE LEVEL void store_some(float *y, const block_of *v, ptrdiff_t count) {
    if (count >= BLOCK) {
        store(y, v);
    } else {
        memcpy(y, v, (size_t)count * sizeof(float));
    }
}

SK_INLINE LEVEL void add_some(float *y, const block_of *v, ptrdiff_t count) {
    block_of sum;
    load_some(&sum, y, count);
    EACH_PART { sum.part[p] += v->part[p]; }
    store_some(y, &sum, count);
}

SK_INLINE LEVEL void fill(block_of *v, float value) {
    EACH_PART { v->part[p] = (sk_v){0} + value; }
}

/// 2^v within 1.7e-7 of itself, for values in [-126, 127]. No value up to zero gives more than one,
/// so that a state that nothing enters never grows.
SK_INLINE LEVEL void exp2_within(block_of *v) {
    block_of whole, y;
    EACH_PART {
        whole.part[p] = v->part[p] + ALL(0x1.8p23f);
        v->part[p] -= whole.part[p] - ALL(0x1.8p23f);
        y.part[p] = FMA(v->part[p], ALL(1.326472731e-03f), ALL(9.671512991e-03f));
    }
    EACH_PART { y.part[p] = FMA(y.part[p], v->part[p], ALL(5.550733581e-02f)); }
    EACH_PART { y.part[p] = FMA(y.part[p], v->part[p], ALL(2.402224243e-01f)); }
    EACH_PART { y.part[p] = FMA(y.part[p], v->part[p], ALL(6.931470037e-01f)); }
    EACH_PART { y.part[p] = FMA(y.part[p], v->part[p], ALL(1.0f)); }
    EACH_PART { v->part[p] = (sk_v)((sk_vi)y.part[p] + ((sk_vi)whole.part[p] << 23)); }
}

/// The same for any values up to 127; what lies below -126 is moved there.
SK_INLINE LEVEL void exp2_of(block_of *v) {
    EACH_PART { v->part[p] = __builtin_elementwise_max(v->part[p], ALL(-126.0f)); }
    exp2_within(v);
}

static const float log2_e = 1.44269504f;

/// log(1 + e^x) of `count` blocks, the way without overflow: max(x, 0) + log(1 + e^-|x|). All
/// exponentials first: two short chains overlap better than one long one.
SK_INLINE LEVEL void softplus(block_of *y, const block_of *x, ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < count; i++) {
        block_of e;
        EACH_PART { e.part[p] = (sk_v)((sk_vi)x[i].part[p] & 0x7fffffff) * -log2_e; }
        exp2_of(&e);
        y[i] = e;
    }
    for (ptrdiff_t i = 0; i < count; i++) {
        EACH_PART {
            const sk_v v = x[i].part[p], e = y[i].part[p];
            // log(1 + e) is twice the inverse hyperbolic tangent of e / (2 + e).
            const sk_v s = e / (e + 2.0f);
            const sk_v z = s * s;
            sk_v q = ALL(2.441306085e-01f);
            q = FMA(q, z, ALL(2.139325335e-01f));
            q = FMA(q, z, ALL(2.862072176e-01f));
            q = FMA(q, z, ALL(3.999869092e-01f));
            q = FMA(q, z, ALL(6.666667931e-01f));
            q = FMA(q, z, ALL(2.0f));
            const sk_v positive = (sk_v)((v > 0.0f) & (sk_vi)v);
            // NaN passes through the sum.
            y[i].part[p] = FMA(q, s, positive) + v * 0.0f;
        }
    }
}

/// 1 + e^-x, what a logistic function is one over.
SK_INLINE LEVEL void logistic_below(block_of *y, const block_of *x) {
    block_of e;
    EACH_PART { e.part[p] = __builtin_elementwise_min(x->part[p] * -log2_e, ALL(126.0f)); }
    exp2_of(&e);
    EACH_PART { y->part[p] = 1.0f + e.part[p]; }
}

/// 1 / (1 + e^-x).
SK_INLINE LEVEL void logistic(block_of *y, const block_of *x) {
    logistic_below(y, x);
    EACH_PART { y->part[p] = 1.0f / y->part[p]; }
}

static ptrdiff_t least(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

// ---- the scan ----

/// The decays of `count` states. `is_small` promises products of at least -126.
SK_INLINE LEVEL void decays_of(float *kept, const float *decay, const block_of *step,
                               ptrdiff_t count, int is_small) {
    for (ptrdiff_t i = 0; i < count; i++) {
        block_of a;
        load(&a, decay + i * BLOCK);
        EACH_PART { a.part[p] *= step->part[p]; }
        if (is_small) {
            exp2_within(&a);
        } else {
            exp2_of(&a);
        }
        store(kept + i * BLOCK, &a);
    }
}

/// One row of one block: the state moves on; `sum` is that over states of out * state. Decays come
/// first, some states' at once, because they wait for nothing and the sums wait for each other.
SK_INLINE LEVEL void scan_row(block_of *sum, float *next, const float *past, const float *decay,
                              const block_of *step, const block_of *drive, const float *in,
                              const float *out, ptrdiff_t states, int is_small) {
    enum { MOST = 16 };
    // Values of its own, which no store to the state can touch.
    const block_of size = *step, enters = *drive;
    float kept[MOST * BLOCK];
    block_of total;
    fill(&total, 0);
    for (ptrdiff_t first = 0; first < states; first += MOST) {
        const ptrdiff_t count = least(MOST, states - first);
        decays_of(kept, decay + first * BLOCK, &size, count, is_small);
        for (ptrdiff_t i = 0; i < count; i++) {
            const ptrdiff_t n = first + i;
            block_of a, h;
            load(&a, kept + i * BLOCK);
            load(&h, past + n * BLOCK);
            EACH_PART {
                h.part[p] = FMA(a.part[p], h.part[p], enters.part[p] * in[n]);
                total.part[p] = FMA(h.part[p], ALL(out[n]), total.part[p]);
            }
            store(next + n * BLOCK, &h);
        }
    }
    *sum = total;
}

/// Asks for what a later row brings to a block, since rows lie too far apart for the processor to
/// guess.
SK_INLINE LEVEL void fetch_row(const sk_scan *s, ptrdiff_t t, ptrdiff_t first) {
    __builtin_prefetch(s->step + t * s->ld_step + first);
    __builtin_prefetch(s->x + t * s->ld_x + first);
    if (s->gate != NULL) {
        __builtin_prefetch(s->gate + t * s->ld_gate + first);
    }
    if (s->y != NULL) {
        __builtin_prefetch(s->y + t * s->ld_y + first, 1);
    }
}

/// Steps and drives of `count` blocks.
SK_INLINE LEVEL void enter_row(block_of *step, block_of *drive, const sk_scan *s, ptrdiff_t t,
                               ptrdiff_t block, int count) {
    block_of raw[TOGETHER];
    for (int b = 0; b < count; b++) {
        const ptrdiff_t first = (block + b) * BLOCK, left = s->channels - first;
        load_some(&raw[b], s->step + t * s->ld_step + first, left);
        load_some(&drive[b], s->x + t * s->ld_x + first, left);
    }
    softplus(step, raw, count);
    for (int b = 0; b < count; b++) {
        EACH_PART { drive[b].part[p] *= step[b].part[p]; }
    }
}

/// The fastest decay of each channel, to tell steps that are too large for the short way.
SK_INLINE LEVEL void fastest_of(block_of *fastest, const float *decay, ptrdiff_t states,
                                int count) {
    for (int b = 0; b < count; b++) {
        fill(&fastest[b], 0);
        for (ptrdiff_t n = 0; n < states; n++) {
            block_of a;
            load(&a, decay + (b * states + n) * BLOCK);
            EACH_PART {
                fastest[b].part[p] = __builtin_elementwise_min(fastest[b].part[p], a.part[p]);
            }
        }
    }
}

/// Whether no decay of the row has to be moved to the end of the range.
SK_INLINE LEVEL int is_row_small(const block_of *fastest, const block_of *step, int count) {
    sk_vi outside = {0};
    for (int b = 0; b < count; b++) {
        EACH_PART { outside |= fastest[b].part[p] * step[b].part[p] < -126.0f; }
    }
    int32_t any = 0;
    for (int l = 0; l < WIDTH; l++) {
        any |= outside[l];
    }
    return any == 0;
}

/// y of `count` blocks from their sums over states.
SK_INLINE LEVEL void leave_row(block_of *sums, const sk_scan *s, ptrdiff_t t, ptrdiff_t block,
                               int count) {
    block_of below[TOGETHER];
    for (int b = 0; s->gate != NULL && b < count; b++) {
        const ptrdiff_t first = (block + b) * BLOCK, left = s->channels - first;
        block_of gate;
        load_some(&gate, s->gate + t * s->ld_gate + first, left);
        logistic_below(&below[b], &gate);
    }
    for (int b = 0; b < count; b++) {
        const ptrdiff_t first = (block + b) * BLOCK, left = s->channels - first;
        block_of x, skip;
        load_some(&x, s->x + t * s->ld_x + first, left);
        load_some(&skip, s->skip + first, left);
        EACH_PART { sums[b].part[p] = FMA(skip.part[p], x.part[p], sums[b].part[p]); }
        if (s->gate != NULL) {
            block_of gate;
            load_some(&gate, s->gate + t * s->ld_gate + first, left);
            EACH_PART { sums[b].part[p] *= gate.part[p] / below[b].part[p]; }
        }
        store_some(s->y + t * s->ld_y + first, &sums[b], left);
    }
}

SK_INLINE LEVEL void add_steps(float *steps, const block_of *step, int count) {
    for (int b = 0; b < count; b++) {
        add_some(steps + b * BLOCK, &step[b], BLOCK);
    }
}

/// All rows of a few blocks, whose states and decays stay in the nearest cache.
LEVEL static void scan_group(const sk_scan *args, const float *past, ptrdiff_t first, int count) {
    enum { WORTH_KNOWING = 4 };
    const sk_scan s = *args;
    const ptrdiff_t size = s.states * BLOCK;
    block_of fastest[TOGETHER];
    if (s.rows >= WORTH_KNOWING) {
        fastest_of(fastest, s.decay + first * size, s.states, count);
    }
    for (ptrdiff_t t = 0; t < s.rows; t++, past = s.next) {
        const float *in = s.in + t * s.ld_in, *out = s.out + t * s.ld_in;
        block_of step[TOGETHER], drive[TOGETHER], sums[TOGETHER];
        enter_row(step, drive, &s, t, first, count);
        const int is_small = s.rows >= WORTH_KNOWING && is_row_small(fastest, step, count);
        for (int b = 0; b < count; b++) {
            const ptrdiff_t place = (first + b) * size;
            if (t + 2 < s.rows) {
                fetch_row(&s, t + 2, (first + b) * BLOCK);
            }
            if (is_small) {
                scan_row(&sums[b], s.next + place, past + place, s.decay + place, &step[b],
                         &drive[b], in, out, s.states, 1);
            } else {
                scan_row(&sums[b], s.next + place, past + place, s.decay + place, &step[b],
                         &drive[b], in, out, s.states, 0);
            }
        }
        if (s.y != NULL) {
            leave_row(sums, &s, t, first, count);
        }
        if (s.steps != NULL) {
            add_steps(s.steps + first * BLOCK, step, count);
        }
    }
}

LEVEL static void scan(const sk_scan *args, ptrdiff_t block_begin, ptrdiff_t block_end) {
    const ptrdiff_t size = args->states * BLOCK;
    const size_t bytes = (size_t)((block_end - block_begin) * size) * sizeof(float);
    const float *past = args->past;
    if (args->steps != NULL) {
        memset(args->steps + block_begin * BLOCK, 0,
               (size_t)((block_end - block_begin) * BLOCK) * sizeof(float));
    }
    if (past == NULL) {
        memset(args->next + block_begin * size, 0, bytes);
        past = args->next;
    } else if (args->rows == 0 && past != args->next) {
        memcpy(args->next + block_begin * size, past + block_begin * size, bytes);
    }
    for (ptrdiff_t first = block_begin; first < block_end; first += TOGETHER) {
        scan_group(args, past, first, (int)least(TOGETHER, block_end - first));
    }
}

LEVEL static void scan_append(float *later, const float *earlier, const float *decay,
                              const float *steps, ptrdiff_t states, ptrdiff_t blocks) {
    for (ptrdiff_t b = 0; b < blocks; b++) {
        block_of step;
        load(&step, steps + b * BLOCK);
        for (ptrdiff_t n = b * states; n < (b + 1) * states; n++) {
            block_of kept, before, after;
            decays_of((float *)(void *)&kept, decay + n * BLOCK, &step, 1, 0);
            load(&before, earlier + n * BLOCK);
            load(&after, later + n * BLOCK);
            EACH_PART { after.part[p] = FMA(kept.part[p], before.part[p], after.part[p]); }
            store(later + n * BLOCK, &after);
        }
    }
}

#include "convolution_body.h"
#include "scan_backward_body.h"

SK_INLINE void fill_table(sk_kernels *table) {
    table->scan = scan;
    table->scan_append = scan_append;
    table->scan_scratch = scan_scratch;
    table->scan_backward = scan_backward;
    table->convolve = convolve;
    table->convolve_backward = convolve_backward;
}
