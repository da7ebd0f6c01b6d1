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
    memcpy(y, v, (size_t)(count < BLOCK ? count : BLOCK) * sizeof(float));
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

/// 2^v within 2 ulp for `count` vectors of values in [-126, 127]; what lies below is moved to the
/// end. One constant at a time serves all vectors.
SK_INLINE LEVEL void exp2_of(sk_v *v, int count) {
    sk_v whole[2 * PARTS], square[2 * PARTS], high[2 * PARTS], middle[2 * PARTS], low[2 * PARTS];
    for (int i = 0; i < count; i++) {
        v[i] = __builtin_elementwise_max(v[i], ALL(-126.0f));
        whole[i] = v[i] + ALL(0x1.8p23f);
        v[i] -= whole[i] - ALL(0x1.8p23f);
    }
    for (int i = 0; i < count; i++) {
        square[i] = v[i] * v[i];
        high[i] = FMA(v[i], ALL(1.327646720e-03f), ALL(9.675541682e-03f));
        middle[i] = FMA(v[i], ALL(5.550713292e-02f), ALL(2.402211972e-01f));
        low[i] = FMA(v[i], ALL(6.931469671e-01f), ALL(1.000000072e+00f));
    }
    for (int i = 0; i < count; i++) {
        middle[i] = FMA(high[i], square[i], middle[i]);
        low[i] = FMA(middle[i], square[i], low[i]);
        v[i] = (sk_v)((sk_vi)low[i] + ((sk_vi)whole[i] << 23));
    }
}

static const float log2_e = 1.44269504f;

/// log(1 + e^x); the way without overflow: max(x, 0) + log(1 + e^-|x|).
SK_INLINE LEVEL void softplus(block_of *y, const block_of *x) {
    EACH_PART {
        const sk_v v = x->part[p];
        const sk_v size = (sk_v)((sk_vi)v & 0x7fffffff);
        sk_v e = size * -log2_e;
        exp2_of(&e, 1);
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
        y->part[p] = FMA(q, s, positive) + v * 0.0f;
    }
}

/// 1 / (1 + e^-x).
SK_INLINE LEVEL void logistic(block_of *y, const block_of *x) {
    EACH_PART {
        sk_v e = __builtin_elementwise_min(x->part[p] * -log2_e, ALL(127.0f));
        exp2_of(&e, 1);
        y->part[p] = 1.0f / (1.0f + e);
    }
}

static ptrdiff_t least(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

// ---- the scan ----

/// The decays of `count` states, one after another.
SK_INLINE LEVEL void decays_of(sk_v *kept, const float *decay, const block_of *step, int count) {
    for (int i = 0; i < count; i++) {
        block_of a;
        load(&a, decay + i * BLOCK);
        EACH_PART { kept[i * PARTS + p] = a.part[p] * step->part[p]; }
    }
    exp2_of(kept, count * PARTS);
}

/// States n ..< n + count of one row of one block.
SK_INLINE LEVEL void scan_states(block_of *sum, float *next, const float *past, const float *decay,
                                 const block_of *step, const block_of *drive, const float *in,
                                 const float *out, ptrdiff_t n, int count) {
    sk_v kept[2 * PARTS];
    decays_of(kept, decay + n * BLOCK, step, count);
    for (int i = 0; i < count; i++) {
        block_of h;
        load(&h, past + (n + i) * BLOCK);
        EACH_PART {
            h.part[p] = FMA(kept[i * PARTS + p], h.part[p], drive->part[p] * in[n + i]);
            sum->part[p] = FMA(h.part[p], ALL(out[n + i]), sum->part[p]);
        }
        store(next + (n + i) * BLOCK, &h);
    }
}

/// One row of one block: the state moves on; `sum` is that over states of out * state.
SK_INLINE LEVEL void scan_row(block_of *sum, float *next, const float *past, const float *decay,
                              const block_of *step, const block_of *drive, const float *in,
                              const float *out, ptrdiff_t states) {
    // Values of its own, which no store to the state can touch.
    block_of total, size = *step, enters = *drive;
    fill(&total, 0);
    ptrdiff_t n = 0;
    for (; n + 2 <= states; n += 2) {
        scan_states(&total, next, past, decay, &size, &enters, in, out, n, 2);
    }
    if (n < states) {
        scan_states(&total, next, past, decay, &size, &enters, in, out, n, 1);
    }
    *sum = total;
}

/// Asks for what the row after the next brings, since rows lie too far apart for the processor to
/// guess.
SK_INLINE LEVEL void fetch_row(const sk_scan *s, ptrdiff_t t, ptrdiff_t block, int count) {
    for (int b = 0; b < count; b++) {
        const ptrdiff_t first = (block + b) * BLOCK;
        __builtin_prefetch(s->step + t * s->ld_step + first);
        __builtin_prefetch(s->x + t * s->ld_x + first);
        if (s->gate != NULL) {
            __builtin_prefetch(s->gate + t * s->ld_gate + first);
        }
        __builtin_prefetch(s->y + t * s->ld_y + first, 1);
    }
}

/// Steps and drives of `count` blocks: made together, so that their long chains overlap.
SK_INLINE LEVEL void enter_row(block_of *step, block_of *drive, const sk_scan *s, ptrdiff_t t,
                               ptrdiff_t block, int count) {
    for (int b = 0; b < count; b++) {
        const ptrdiff_t first = (block + b) * BLOCK, left = s->channels - first;
        block_of raw, x;
        load_some(&raw, s->step + t * s->ld_step + first, left);
        load_some(&x, s->x + t * s->ld_x + first, left);
        softplus(&step[b], &raw);
        EACH_PART { drive[b].part[p] = step[b].part[p] * x.part[p]; }
    }
}

/// y of `count` blocks from their sums over states.
SK_INLINE LEVEL void leave_row(const block_of *sums, const sk_scan *s, ptrdiff_t t, ptrdiff_t block,
                               int count) {
    for (int b = 0; b < count; b++) {
        const ptrdiff_t first = (block + b) * BLOCK, left = s->channels - first;
        block_of x, skip, y;
        load_some(&x, s->x + t * s->ld_x + first, left);
        load_some(&skip, s->skip + first, left);
        EACH_PART { y.part[p] = FMA(skip.part[p], x.part[p], sums[b].part[p]); }
        if (s->gate != NULL) {
            block_of gate, share;
            load_some(&gate, s->gate + t * s->ld_gate + first, left);
            logistic(&share, &gate);
            EACH_PART { y.part[p] *= gate.part[p] * share.part[p]; }
        }
        store_some(s->y + t * s->ld_y + first, &y, left);
    }
}

LEVEL static void scan(const sk_scan *args, ptrdiff_t block_begin, ptrdiff_t block_end) {
    const sk_scan s = *args;
    const ptrdiff_t size = s.states * BLOCK;
    const size_t bytes = (size_t)((block_end - block_begin) * size) * sizeof(float);
    const float *past = s.past;
    if (past == NULL) {
        memset(s.next + block_begin * size, 0, bytes);
        past = s.next;
    } else if (s.rows == 0 && past != s.next) {
        memcpy(s.next + block_begin * size, past + block_begin * size, bytes);
    }
    for (ptrdiff_t t = 0; t < s.rows; t++, past = s.next) {
        const float *in = s.in + t * s.ld_in, *out = s.out + t * s.ld_in;
        for (ptrdiff_t first = block_begin; first < block_end; first += TOGETHER) {
            block_of step[TOGETHER], drive[TOGETHER], sums[TOGETHER];
            const int count = (int)least(TOGETHER, block_end - first);
            if (t + 2 < s.rows) {
                fetch_row(&s, t + 2, first, count);
            }
            enter_row(step, drive, &s, t, first, count);
            for (int b = 0; b < count; b++) {
                const ptrdiff_t place = (first + b) * size;
                scan_row(&sums[b], s.next + place, past + place, s.decay + place, &step[b],
                         &drive[b], in, out, s.states);
            }
            leave_row(sums, &s, t, first, count);
        }
    }
}

// ---- the way back ----

/// Floats: chunk starts of every block, one chunk's states and decays, carries and sums.
static ptrdiff_t scan_scratch(ptrdiff_t rows, ptrdiff_t states, ptrdiff_t blocks) {
    const ptrdiff_t size = states * BLOCK, chunks = (rows + CHUNK - 1) / CHUNK;
    return (chunks + 2) * blocks * size + (2 * CHUNK + 1) * size + 2 * CHUNK * states * WIDTH;
}

/// One chunk of one block, with everything the way back needs of it.
typedef struct {
    block_of x[CHUNK], raw[CHUNK], step[CHUNK], before_gate[CHUNK];
} chunk_of;

/// Runs a chunk forward from `states[0]`; states[i + 1] is the one after row i.
SK_INLINE LEVEL void chunk_forward(chunk_of *c, float *states_of, float *kept_of, const sk_scan *s,
                                   ptrdiff_t first_row, ptrdiff_t rows, ptrdiff_t b) {
    const ptrdiff_t size = s->states * BLOCK, first = b * BLOCK, count = s->channels - first;
    block_of skip;
    load_some(&skip, s->skip + first, count);
    for (ptrdiff_t i = 0; i < rows; i++) {
        const ptrdiff_t t = first_row + i;
        load_some(&c->x[i], s->x + t * s->ld_x + first, count);
        load_some(&c->raw[i], s->step + t * s->ld_step + first, count);
        softplus(&c->step[i], &c->raw[i]);
        block_of sum;
        fill(&sum, 0);
        for (ptrdiff_t n = 0; n < s->states; n++) {
            block_of a, h;
            load(&h, states_of + i * size + n * BLOCK);
            const float enters = s->in[t * s->ld_in + n], leaves = s->out[t * s->ld_in + n];
            decays_of(a.part, s->decay + b * size + n * BLOCK, &c->step[i], 1);
            EACH_PART {
                const sk_v drive = c->step[i].part[p] * c->x[i].part[p];
                h.part[p] = FMA(a.part[p], h.part[p], drive * enters);
                sum.part[p] = FMA(h.part[p], ALL(leaves), sum.part[p]);
            }
            store(kept_of + i * size + n * BLOCK, &a);
            store(states_of + (i + 1) * size + n * BLOCK, &h);
        }
        EACH_PART { c->before_gate[i].part[p] = FMA(skip.part[p], c->x[i].part[p], sum.part[p]); }
    }
}

/// The chunk's rows backwards; `carry` is what the next row's state asks of this one's.
SK_INLINE LEVEL void chunk_backward(const chunk_of *c, const float *states_of, const float *kept_of,
                                    float *carry, float *ddecay, sk_v *sums,
                                    const sk_scan_backward *args, ptrdiff_t first_row,
                                    ptrdiff_t rows, ptrdiff_t b) {
    const sk_scan *s = &args->forward;
    const ptrdiff_t size = s->states * BLOCK, first = b * BLOCK, count = s->channels - first;
    block_of skip, dskip;
    load_some(&skip, s->skip + first, count);
    fill(&dskip, 0);
    for (ptrdiff_t i = rows; i-- > 0;) {
        const ptrdiff_t t = first_row + i;
        block_of g;
        load_some(&g, args->dy + t * args->ld_dy + first, count);
        if (s->gate != NULL) {
            block_of gate, share, dgate;
            load_some(&gate, s->gate + t * s->ld_gate + first, count);
            logistic(&share, &gate);
            EACH_PART {
                const sk_v z = gate.part[p], l = share.part[p];
                dgate.part[p] = g.part[p] * c->before_gate[i].part[p] * l * (1.0f + z * (1.0f - l));
                g.part[p] *= z * l;
            }
            add_some(args->dgate + t * args->ld_dgate + first, &dgate, count);
        }
        block_of entering, through;
        fill(&entering, 0);
        fill(&through, 0);
        for (ptrdiff_t n = 0; n < s->states; n++) {
            block_of decay, kept, before, after, owed, da;
            load(&decay, s->decay + b * size + n * BLOCK);
            load(&kept, kept_of + i * size + n * BLOCK);
            load(&before, states_of + i * size + n * BLOCK);
            load(&after, states_of + (i + 1) * size + n * BLOCK);
            load(&owed, carry + n * BLOCK);
            load(&da, ddecay + n * BLOCK);
            const float enters = s->in[t * s->ld_in + n], leaves = s->out[t * s->ld_in + n];
            sk_v din = ALL(0.0f), dout = ALL(0.0f);
            EACH_PART {
                const sk_v owes = FMA(g.part[p], ALL(leaves), owed.part[p]);
                const sk_v drive = c->step[i].part[p] * c->x[i].part[p];
                // d(decay * before) by the exponent, which is log2.
                const sk_v bent = owes * kept.part[p] * before.part[p];
                din = FMA(drive, owes, din);
                dout = FMA(g.part[p], after.part[p], dout);
                entering.part[p] = FMA(owes, ALL(enters), entering.part[p]);
                through.part[p] = FMA(bent, decay.part[p], through.part[p]);
                da.part[p] = FMA(bent, c->step[i].part[p], da.part[p]);
                owed.part[p] = kept.part[p] * owes;
            }
            sums[(2 * i) * s->states + n] += din;
            sums[(2 * i + 1) * s->states + n] += dout;
            store(carry + n * BLOCK, &owed);
            store(ddecay + n * BLOCK, &da);
        }
        block_of share, dx, dstep;
        logistic(&share, &c->raw[i]);
        EACH_PART {
            const sk_v x = c->x[i].part[p];
            dx.part[p] = FMA(skip.part[p], g.part[p], c->step[i].part[p] * entering.part[p]);
            // `through` counts powers of two.
            const sk_v slope = FMA(x, entering.part[p], through.part[p] * 0.69314718f);
            dstep.part[p] = slope * share.part[p];
            dskip.part[p] = FMA(g.part[p], x, dskip.part[p]);
        }
        add_some(args->dx + t * args->ld_dx + first, &dx, count);
        add_some(args->dstep + t * args->ld_dstep + first, &dstep, count);
    }
    add_some(args->dskip + first, &dskip, count);
}

LEVEL static void scan_backward(const sk_scan_backward *args, ptrdiff_t block_begin,
                                ptrdiff_t block_end) {
    const sk_scan *s = &args->forward;
    const ptrdiff_t size = s->states * BLOCK, blocks = block_end - block_begin;
    const ptrdiff_t chunks = (s->rows + CHUNK - 1) / CHUNK;
    float *starts = args->scratch, *carries = starts + (chunks + 1) * blocks * size;
    float *states_of = carries + blocks * size, *kept_of = states_of + (CHUNK + 1) * size;
    sk_v *sums = (sk_v *)(void *)(kept_of + CHUNK * size);
    chunk_of chunk;

    // Where every chunk starts.
    if (s->past == NULL) {
        memset(starts, 0, (size_t)(blocks * size) * sizeof(float));
    } else {
        memcpy(starts, s->past + block_begin * size, (size_t)(blocks * size) * sizeof(float));
    }
    for (ptrdiff_t k = 0; k < chunks; k++) {
        float *place = starts + (k + 1) * blocks * size;
        memcpy(place, place - blocks * size, (size_t)(blocks * size) * sizeof(float));
        for (ptrdiff_t t = k * CHUNK; k + 1 < chunks && t < (k + 1) * CHUNK; t++) {
            for (ptrdiff_t b = 0; b < blocks; b++) {
                const ptrdiff_t first = (block_begin + b) * BLOCK, count = s->channels - first;
                block_of x, raw, step, drive, sum;
                load_some(&x, s->x + t * s->ld_x + first, count);
                load_some(&raw, s->step + t * s->ld_step + first, count);
                softplus(&step, &raw);
                EACH_PART { drive.part[p] = step.part[p] * x.part[p]; }
                scan_row(&sum, place + b * size, place + b * size,
                         s->decay + (block_begin + b) * size, &step, &drive, s->in + t * s->ld_in,
                         s->out + t * s->ld_in, s->states);
            }
        }
    }
    memset(carries, 0, (size_t)(blocks * size) * sizeof(float));
    for (ptrdiff_t k = chunks; k-- > 0;) {
        const ptrdiff_t first_row = k * CHUNK, rows = least(CHUNK, s->rows - first_row);
        memset(sums, 0, (size_t)(2 * CHUNK * s->states) * sizeof(sk_v));
        for (ptrdiff_t b = 0; b < blocks; b++) {
            memcpy(states_of, starts + (k * blocks + b) * size, (size_t)size * sizeof(float));
            chunk_forward(&chunk, states_of, kept_of, s, first_row, rows, block_begin + b);
            chunk_backward(&chunk, states_of, kept_of, carries + b * size,
                           args->ddecay + (block_begin + b) * size, sums, args, first_row, rows,
                           block_begin + b);
        }
        for (ptrdiff_t i = 0; i < rows; i++) {
            for (ptrdiff_t n = 0; n < s->states; n++) {
                float in = 0, out = 0;
                for (int l = 0; l < WIDTH; l++) {
                    in += sums[(2 * i) * s->states + n][l];
                    out += sums[(2 * i + 1) * s->states + n][l];
                }
                args->din[(first_row + i) * args->ld_din + n] += in;
                args->dout[(first_row + i) * args->ld_din + n] += out;
            }
        }
    }
}

// ---- the convolution ----

/// What row `row` sees at a tap: an earlier row, one of the past, or zeros before any past.
SK_INLINE LEVEL void tap_of(block_of *v, const sk_convolution *c, ptrdiff_t row, ptrdiff_t tap,
                            ptrdiff_t first, ptrdiff_t count) {
    const ptrdiff_t place = row - (c->taps - 1) + tap;
    if (place >= 0) {
        load_some(v, c->x + place * c->ld_x + first, count);
    } else if (c->past != NULL) {
        load_some(v, c->past + (place + c->taps - 1) * c->channels + first, count);
    } else {
        fill(v, 0);
    }
}

SK_INLINE LEVEL void convolve_row(block_of *sum, const sk_convolution *c, ptrdiff_t row,
                                  ptrdiff_t first, ptrdiff_t count) {
    fill(sum, 0);
    if (c->bias != NULL) {
        load_some(sum, c->bias + first, count);
    }
    for (ptrdiff_t j = 0; j < c->taps; j++) {
        block_of x, w;
        tap_of(&x, c, row, j, first, count);
        load_some(&w, c->weight + j * c->channels + first, count);
        EACH_PART { sum->part[p] = FMA(w.part[p], x.part[p], sum->part[p]); }
    }
}

LEVEL static void convolve(const sk_convolution *args, ptrdiff_t row_begin, ptrdiff_t row_end) {
    const sk_convolution c = *args;
    for (ptrdiff_t row = row_begin; row < row_end; row++) {
        for (ptrdiff_t first = 0; first < c.channels; first += BLOCK) {
            const ptrdiff_t count = c.channels - first;
            block_of sum, share;
            convolve_row(&sum, &c, row, first, count);
            logistic(&share, &sum);
            EACH_PART { sum.part[p] *= share.part[p]; }
            store_some(c.y + row * c.ld_y + first, &sum, count);
        }
    }
}

LEVEL static void convolve_backward(const sk_convolution_backward *args, ptrdiff_t channel_begin,
                                    ptrdiff_t channel_end) {
    const sk_convolution *c = &args->forward;
    for (ptrdiff_t first = channel_begin; first < channel_end; first += BLOCK) {
        const ptrdiff_t count = least(BLOCK, channel_end - first);
        for (ptrdiff_t row = 0; row < c->rows; row++) {
            block_of sum, share, dy;
            convolve_row(&sum, c, row, first, count);
            logistic(&share, &sum);
            load_some(&dy, args->dy + row * args->ld_dy + first, count);
            EACH_PART {
                const sk_v l = share.part[p];
                dy.part[p] *= l * (1.0f + sum.part[p] * (1.0f - l));
            }
            if (args->dbias != NULL) {
                add_some(args->dbias + first, &dy, count);
            }
            for (ptrdiff_t j = 0; j < c->taps; j++) {
                const ptrdiff_t place = row - (c->taps - 1) + j;
                block_of x, w;
                tap_of(&x, c, row, j, first, count);
                load_some(&w, c->weight + j * c->channels + first, count);
                EACH_PART {
                    x.part[p] *= dy.part[p];
                    w.part[p] *= dy.part[p];
                }
                add_some(args->dweight + j * c->channels + first, &x, count);
                if (place >= 0) {
                    add_some(args->dx + place * args->ld_dx + first, &w, count);
                }
            }
        }
    }
}

SK_INLINE void fill_table(sk_kernels *table) {
    table->scan = scan;
    table->scan_scratch = scan_scratch;
    table->scan_backward = scan_backward;
    table->convolve = convolve;
    table->convolve_backward = convolve_backward;
}
