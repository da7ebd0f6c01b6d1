// Norms, rotations and functions of rows, written once for all levels with vectors.

#include "../vector/math.h"

#include <math.h>

SK_INLINE LEVEL void gate(float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx, ptrdiff_t rows,
                          ptrdiff_t c, sk_function *f) {
    for (ptrdiff_t r = 0; r < rows; r++, x += ldx, y += ldy) {
        ptrdiff_t i = 0;
        for (; i + WIDTH <= c; i += WIDTH) {
            sk_store(y + i, f(sk_load(x + i)) * sk_load(x + c + i));
        }
        if (i < c) {
            const sk_v up = sk_load_first(x + c + i, c - i);
            sk_store_first(y + i, f(sk_load_first(x + i, c - i)) * up, c - i);
        }
    }
}

LEVEL static void silu(float *y, const float *x, ptrdiff_t n) { sk_map(y, x, n, sk_silu); }

LEVEL static void gelu_erf(float *y, const float *x, ptrdiff_t n) { sk_map(y, x, n, sk_gelu_erf); }

LEVEL static void gelu_tanh(float *y, const float *x, ptrdiff_t n) {
    sk_map(y, x, n, sk_gelu_tanh);
}

LEVEL static void exp_of_all(float *y, const float *x, ptrdiff_t n) { sk_map(y, x, n, sk_exp); }

LEVEL static void tanh_of_all(float *y, const float *x, ptrdiff_t n) { sk_map(y, x, n, sk_tanh); }

LEVEL static void silu_gate(float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx, ptrdiff_t rows,
                            ptrdiff_t c) {
    gate(y, ldy, x, ldx, rows, c, sk_silu);
}

LEVEL static void gelu_gate(float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx, ptrdiff_t rows,
                            ptrdiff_t c) {
    gate(y, ldy, x, ldx, rows, c, sk_gelu_tanh);
}

LEVEL static void add(float *y, const float *a, const float *b, ptrdiff_t n) {
    ptrdiff_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH) {
        sk_store(y + i, sk_load(a + i) + sk_load(b + i));
    }
    for (; i < n; i++) {
        y[i] = a[i] + b[i];
    }
}

LEVEL static void multiply(float *y, const float *a, const float *b, ptrdiff_t n) {
    ptrdiff_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH) {
        sk_store(y + i, sk_load(a + i) * sk_load(b + i));
    }
    for (; i < n; i++) {
        y[i] = a[i] * b[i];
    }
}

LEVEL static void scale(float *y, const float *x, float factor, ptrdiff_t n) {
    ptrdiff_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH) {
        sk_store(y + i, sk_load(x + i) * factor);
    }
    for (; i < n; i++) {
        y[i] = x[i] * factor;
    }
}

/// A sum over values in four chains: x, or its square where `squared`, after `mean` is taken away.
SK_INLINE LEVEL float total(const float *x, ptrdiff_t c, float mean, int squared) {
    sk_v sums[4] = {0};
    ptrdiff_t i = 0;
    for (; i + 4 * WIDTH <= c; i += 4 * WIDTH) {
        for (int j = 0; j < 4; j++) {
            const sk_v v = sk_load(x + i + WIDTH * j) - mean;
            sums[j] = squared ? FMA(v, v, sums[j]) : v + sums[j];
        }
    }
    for (; i < c; i += WIDTH) {
        const sk_v some = c - i < WIDTH ? sk_load_first(x + i, c - i) : sk_load(x + i);
        const sk_v v = sk_first(some - mean, c - i);
        sums[0] = squared ? FMA(v, v, sums[0]) : v + sums[0];
    }
    return sk_sum((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

LEVEL static void rms_norm(float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx,
                           const float *weight, ptrdiff_t rows, ptrdiff_t c, float epsilon) {
    for (ptrdiff_t r = 0; r < rows; r++, x += ldx, y += ldy) {
        const float factor = 1 / sqrtf(total(x, c, 0, 1) / (float)c + epsilon);
        ptrdiff_t i = 0;
        for (; i + WIDTH <= c; i += WIDTH) {
            sk_store(y + i, sk_load(x + i) * factor * sk_load(weight + i));
        }
        for (; i < c; i++) {
            y[i] = x[i] * factor * weight[i];
        }
    }
}

LEVEL static void layer_norm(float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx,
                             const float *weight, const float *bias, ptrdiff_t rows, ptrdiff_t c,
                             float epsilon) {
    for (ptrdiff_t r = 0; r < rows; r++, x += ldx, y += ldy) {
        const float mean = total(x, c, 0, 0) / (float)c;
        const float factor = 1 / sqrtf(total(x, c, mean, 1) / (float)c + epsilon);
        ptrdiff_t i = 0;
        for (; i + WIDTH <= c; i += WIDTH) {
            const sk_v v = (sk_load(x + i) - mean) * factor * sk_load(weight + i);
            sk_store(y + i, bias ? v + sk_load(bias + i) : v);
        }
        for (; i < c; i++) {
            const float v = (x[i] - mean) * factor * weight[i];
            y[i] = bias ? v + bias[i] : v;
        }
    }
}

/// (a, b) turned by an angle.
SK_INLINE LEVEL void turn(sk_v *a, sk_v *b, sk_v cosine, sk_v sine) {
    const sk_v x = *a;
    *a = FMA(x, cosine, -(*b * sine));
    *b = FMA(x, sine, *b * cosine);
}

/// Pairs (i, i + half).
SK_INLINE LEVEL void rotate_halves(float *x, const float *cosines, const float *sines,
                                   ptrdiff_t half) {
    ptrdiff_t i = 0;
    for (; i + WIDTH <= half; i += WIDTH) {
        sk_v a = sk_load(x + i), b = sk_load(x + half + i);
        turn(&a, &b, sk_load(cosines + i), sk_load(sines + i));
        sk_store(x + i, a);
        sk_store(x + half + i, b);
    }
    for (; i < half; i++) {
        const float a = x[i], b = x[half + i];
        x[i] = fmaf(a, cosines[i], -(b * sines[i]));
        x[half + i] = fmaf(a, sines[i], b * cosines[i]);
    }
}

/// Pairs (2i, 2i + 1).
SK_INLINE LEVEL void rotate_neighbours(float *x, const float *cosines, const float *sines,
                                       ptrdiff_t half) {
    ptrdiff_t i = 0;
    for (; i + WIDTH <= half; i += WIDTH) {
        sk_v2 pairs;
        memcpy(&pairs, x + 2 * i, sizeof pairs);
        sk_v a = pairs.even, b = pairs.odd;
        turn(&a, &b, sk_load(cosines + i), sk_load(sines + i));
        pairs.even = a;
        pairs.odd = b;
        memcpy(x + 2 * i, &pairs, sizeof pairs);
    }
    for (; i < half; i++) {
        const float a = x[2 * i], b = x[2 * i + 1];
        x[2 * i] = fmaf(a, cosines[i], -(b * sines[i]));
        x[2 * i + 1] = fmaf(a, sines[i], b * cosines[i]);
    }
}

LEVEL static void rotary(float *x, ptrdiff_t ldx, const float *cosines, const float *sines,
                         ptrdiff_t rows, ptrdiff_t heads, ptrdiff_t head_dim, ptrdiff_t half,
                         int32_t interleaved) {
    for (ptrdiff_t r = 0; r < rows; r++) {
        for (ptrdiff_t h = 0; h < heads; h++) {
            float *head = x + r * ldx + h * head_dim;
            if (interleaved) {
                rotate_neighbours(head, cosines + r * half, sines + r * half, half);
            } else {
                rotate_halves(head, cosines + r * half, sines + r * half, half);
            }
        }
    }
}

/// The largest value; NaN is passed over; -infinity of nothing.
SK_INLINE LEVEL float largest(const float *x, ptrdiff_t n) {
    sk_v best = ALL(-INFINITY), other = best;
    ptrdiff_t i = 0;
    for (; i + 2 * WIDTH <= n; i += 2 * WIDTH) {
        best = sk_greater(sk_load(x + i), best);
        other = sk_greater(sk_load(x + i + WIDTH), other);
    }
    float result = sk_greatest(sk_greater(best, other));
    for (; i < n; i++) {
        result = x[i] > result ? x[i] : result;
    }
    return result;
}

/// Adds e^(x - shift) to doubles and returns the terms.
SK_INLINE LEVEL sk_v exponentials_of(sk_vd *sums, sk_v x, float shift, ptrdiff_t n) {
    const sk_v e = sk_first(sk_exp(x - shift), n);
    *sums += __builtin_convertvector(e, sk_vd);
    return e;
}

/// Σ e^(x - shift); y, where given, takes the terms.
SK_INLINE LEVEL double exponentials(float *y, const float *x, ptrdiff_t n, float shift) {
    sk_vd sums = {0};
    ptrdiff_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH) {
        const sk_v e = exponentials_of(&sums, sk_load(x + i), shift, WIDTH);
        if (y) {
            sk_store(y + i, e);
        }
    }
    if (i < n) {
        const sk_v e = exponentials_of(&sums, sk_load_first(x + i, n - i), shift, n - i);
        if (y) {
            sk_store_first(y + i, e, n - i);
        }
    }
    return sk_sum_doubles(&sums);
}

LEVEL static void softmax(float *y, const float *x, ptrdiff_t n) {
    const float best = largest(x, n);
    const double sum = exponentials(y, x, n, best == -INFINITY ? 0 : best);
    scale(y, y, sum == 0 ? 0 : (float)(1 / sum), n);
}

LEVEL static float log_sum_exp(const float *x, ptrdiff_t n) {
    const float best = largest(x, n);
    const float shift = best == -INFINITY || best == INFINITY ? 0 : best;
    return (float)((double)shift + log(exponentials(NULL, x, n, shift)));
}

LEVEL static ptrdiff_t argmax(const float *x, ptrdiff_t n) {
    const float best = largest(x, n);
    ptrdiff_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH) {
        if (__builtin_reduce_or(sk_load(x + i) == best)) {
            break;
        }
    }
    for (; i < n; i++) {
        if (x[i] == best) {
            return i;
        }
    }
    return -1;
}

LEVEL static void select_largest(int32_t *places, float *values, ptrdiff_t keep, const float *x,
                                 ptrdiff_t n) {
    ptrdiff_t i = 0;
    for (; i < keep; i++) {
        sk_insert(places, values, i, x[i], i);
    }
    if (keep == 0) {
        return;
    }
    // Most vectors hold nothing that is large enough.
    for (; i + 4 * WIDTH <= n; i += 4 * WIDTH) {
        const sk_v bar = ALL(values[keep - 1]);
        sk_vi above[4];
        for (int part = 0; part < 4; part++) {
            above[part] = sk_load(x + i + part * WIDTH) > bar;
        }
        if (!__builtin_reduce_or((above[0] | above[1]) | (above[2] | above[3]))) {
            continue;
        }
        for (int part = 0; part < 4; part++) {
            if (!__builtin_reduce_or(above[part])) {
                continue;
            }
            for (ptrdiff_t j = i + part * WIDTH; j < i + (part + 1) * WIDTH; j++) {
                if (x[j] > values[keep - 1]) {
                    sk_insert(places, values, keep - 1, x[j], j);
                }
            }
        }
    }
    for (; i < n; i++) {
        if (x[i] > values[keep - 1]) {
            sk_insert(places, values, keep - 1, x[i], i);
        }
    }
}

LEVEL static int32_t all_finite(const float *x, ptrdiff_t n) {
    const sk_vi exponent = (sk_vi){0} + 0x7f800000;
    sk_vi bad = {0};
    ptrdiff_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH) {
        bad |= ((sk_vi)sk_load(x + i) & exponent) == exponent;
    }
    int32_t finite = __builtin_reduce_or(bad) == 0;
    for (; i < n; i++) {
        finite &= fabsf(x[i]) < INFINITY;
    }
    return finite;
}

#include "elementwise_table.h"
