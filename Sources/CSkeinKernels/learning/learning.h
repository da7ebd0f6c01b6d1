#ifndef SK_LEARNING_H
#define SK_LEARNING_H

#include "../internal.h"

#include <math.h>
#include <string.h>

/// The way back in plain loops over LANES sums, compiled once for each level that inlines them.
enum { LANES = 16, SPAN = 256 };

typedef void sk_row_map(float *y, const float *x, ptrdiff_t n);
typedef void sk_transpose(float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx, ptrdiff_t rows,
                          ptrdiff_t columns);

SK_INLINE float sum_of_lanes(const float lanes[LANES]) {
    float sums[LANES];
    memcpy(sums, lanes, sizeof sums);
    for (int width = LANES / 2; width > 0; width /= 2) {
        for (int i = 0; i < width; i++) {
            sums[i] += sums[i + width];
        }
    }
    return sums[0];
}

/// The sum of a[i] * b[i].
SK_INLINE float dot(const float *a, const float *b, ptrdiff_t n) {
    float lanes[LANES] = {0};
    ptrdiff_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (int l = 0; l < LANES; l++) {
            lanes[l] += a[i + l] * b[i + l];
        }
    }
    for (int l = 0; i < n; i++, l++) {
        lanes[l] += a[i] * b[i];
    }
    return sum_of_lanes(lanes);
}

/// The largest of `least` and n values; n is a multiple of LANES, and no value may be NaN.
SK_INLINE float largest(const float *x, ptrdiff_t n, float least) {
    float lanes[LANES];
    for (int l = 0; l < LANES; l++) {
        lanes[l] = least;
    }
    for (ptrdiff_t i = 0; i < n; i += LANES) {
        for (int l = 0; l < LANES; l++) {
            lanes[l] = x[i + l] > lanes[l] ? x[i + l] : lanes[l];
        }
    }
    for (int l = 1; l < LANES; l++) {
        lanes[0] = lanes[l] > lanes[0] ? lanes[l] : lanes[0];
    }
    return lanes[0];
}

/// Adds (a - shift) * b for `count` lanes; without b, a - shift.
SK_INLINE void add_shifted(float lanes[LANES], const float *a, float shift, const float *b,
                           int count) {
    for (int l = 0; l < count; l++) {
        lanes[l] += (a[l] - shift) * (b == NULL ? 1 : b[l] - shift);
    }
}

/// The sum of (a[i] - shift) * (b[i] - shift), or of a[i] - shift without b.
SK_INLINE float shifted_dot(const float *a, float shift, const float *b, ptrdiff_t n) {
    float lanes[LANES] = {0};
    ptrdiff_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        add_shifted(lanes, a + i, shift, b == NULL ? NULL : b + i, LANES);
    }
    if (i < n) {
        add_shifted(lanes, a + i, shift, b == NULL ? NULL : b + i, (int)(n - i));
    }
    return sum_of_lanes(lanes);
}

/// y[columns][rows] = the transpose of x[rows][columns].
SK_INLINE void transpose_plain(float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx,
                               ptrdiff_t rows, ptrdiff_t columns) {
    for (ptrdiff_t c = 0; c < columns; c++) {
        for (ptrdiff_t r = 0; r < rows; r++) {
            y[c * ldy + r] = x[r * ldx + c];
        }
    }
}

/// The steps of the tile at output `first` of packed columns, whose steps are all of 64 bytes.
SK_INLINE sk_steps steps_of_columns(ptrdiff_t first, ptrdiff_t n, ptrdiff_t abreast,
                                    ptrdiff_t steps) {
    enum { BYTES = SK_TILE_N * sizeof(float) };
    const ptrdiff_t tile = first / SK_TILE_N;
    return sk_steps_of((size_t)tile, (size_t)sk_abreast_at(tile, n, abreast), (size_t)steps * BYTES,
                       BYTES);
}

SK_INLINE void pack_columns_of(ptrdiff_t abreast, uint8_t *packed, const float *x, ptrdiff_t ldx,
                               ptrdiff_t n, ptrdiff_t k_begin, ptrdiff_t k_end, ptrdiff_t k) {
    enum { BLOCK = 16 };
    for (ptrdiff_t first = k_begin; first < k_end; first += BLOCK) {
        const ptrdiff_t last = k_end - first < BLOCK ? k_end : first + BLOCK;
        for (ptrdiff_t c = 0; c < n; c += SK_TILE_N) {
            const sk_steps steps = steps_of_columns(c, n, abreast, k);
            const size_t width = (size_t)(n - c < SK_TILE_N ? n - c : SK_TILE_N);
            for (ptrdiff_t r = first; r < last; r++) {
                uint8_t *strip = packed + steps.first + (size_t)r * steps.stride;
                if (width == SK_TILE_N) {
                    memcpy(strip, x + (r - k_begin) * ldx + c, SK_TILE_N * sizeof(float));
                } else {
                    memset(strip, 0, SK_TILE_N * sizeof(float));
                    memcpy(strip, x + (r - k_begin) * ldx + c, width * sizeof(float));
                }
            }
        }
    }
}

/// The bits of the nearest bfloat16, ties to even, in the upper half; NaNs are quieted.
SK_INLINE uint32_t rounded_bits(uint32_t bits) {
    const uint32_t rounded = bits + 0x7fff + (bits >> 16 & 1);
    return ((bits & 0x7fffffff) > 0x7f800000 ? bits | 0x400000 : rounded) & 0xffff0000;
}

/// One row of a strip of pairs: its lower halves (half 0), or its upper ones.
SK_INLINE void pack_half(uint32_t *strip, const float *x, size_t width, ptrdiff_t half) {
    uint32_t bits[SK_TILE_N] = {0};
    memcpy(bits, x, width * sizeof(float));
    for (int l = 0; l < SK_TILE_N; l++) {
        const uint16_t value = (uint16_t)(rounded_bits(bits[l]) >> 16);
        memcpy((uint8_t *)(strip + l) + 2 * half, &value, sizeof value);
    }
}

SK_INLINE void pack_pair(uint32_t *strip, const float *even, const float *odd, size_t width) {
    uint32_t low[SK_TILE_N] = {0}, high[SK_TILE_N] = {0};
    memcpy(low, even, width * sizeof(float));
    if (odd != NULL) {
        memcpy(high, odd, width * sizeof(float));
    }
    for (int l = 0; l < SK_TILE_N; l++) {
        strip[l] = rounded_bits(low[l]) >> 16 | rounded_bits(high[l]);
    }
}

/// The same as bf16. A pair that two calls share is written by halves.
SK_INLINE void pack_column_pairs(ptrdiff_t abreast, uint8_t *packed, const float *x, ptrdiff_t ldx,
                                 ptrdiff_t n, ptrdiff_t k_begin, ptrdiff_t k_end, ptrdiff_t k) {
    enum { BLOCK = 32 };
    for (ptrdiff_t first = k_begin; first < k_end;) {
        const ptrdiff_t last = k_end - first < BLOCK ? k_end : (first + BLOCK) / 2 * 2;
        for (ptrdiff_t c = 0; c < n; c += SK_TILE_N) {
            const sk_steps steps = steps_of_columns(c, n, abreast, (k + 1) / 2);
            const size_t width = (size_t)(n - c < SK_TILE_N ? n - c : SK_TILE_N);
            for (ptrdiff_t r = first; r < last;) {
                uint32_t *strip =
                    (uint32_t *)(packed + steps.first + (size_t)(r / 2) * steps.stride);
                const float *row = x + (r - k_begin) * ldx + c;
                if (r % 2 == 0 && (r + 1 < last || r + 1 == k)) {
                    const float *odd = r + 1 < last ? row + ldx : NULL;
                    if (width == SK_TILE_N) {
                        pack_pair(strip, row, odd, SK_TILE_N);
                    } else {
                        pack_pair(strip, row, odd, width);
                    }
                    r += 2;
                } else {
                    pack_half(strip, row, width, r % 2);
                    r += 1;
                }
            }
        }
        first = last;
    }
}

/// Adds dy * weight, times the normed value to the first sums and alone to the second.
SK_INLINE void add_normed(float lanes[2][LANES], const float *dy, const float *x,
                          const float *weight, float mean, float inverse, int count) {
    for (int l = 0; l < count; l++) {
        const float inner = dy[l] * weight[l];
        lanes[0][l] += inner * ((x[l] - mean) * inverse);
        lanes[1][l] += inner;
    }
}

SK_INLINE void norm_row_backward(float *dx, float *dweight, float *dbias, const float *dy,
                                 const float *x, const float *weight, ptrdiff_t c, float mean,
                                 float inverse) {
    float lanes[2][LANES] = {{0}, {0}};
    ptrdiff_t first = 0;
    for (; first + LANES <= c; first += LANES) {
        add_normed(lanes, dy + first, x + first, weight + first, mean, inverse, LANES);
    }
    if (first < c) {
        add_normed(lanes, dy + first, x + first, weight + first, mean, inverse, (int)(c - first));
    }
    const float along = sum_of_lanes(lanes[0]) / (float)c;
    const float level = dbias == NULL ? 0 : sum_of_lanes(lanes[1]) / (float)c;
    for (ptrdiff_t i = 0; i < c; i++) {
        const float normed = (x[i] - mean) * inverse;
        dweight[i] += dy[i] * normed;
        dx[i] += inverse * (dy[i] * weight[i] - level - normed * along);
    }
    for (ptrdiff_t i = 0; i < c && dbias != NULL; i++) {
        dbias[i] += dy[i];
    }
}

SK_INLINE void rms_norm_rows_backward(float *dx, float *dweight, const float *dy, const float *x,
                                      const float *weight, ptrdiff_t rows, ptrdiff_t c,
                                      float epsilon) {
    for (ptrdiff_t r = 0; r < rows; r++, x += c, dy += c, dx += c) {
        const float inverse = 1 / sqrtf(dot(x, x, c) / (float)c + epsilon);
        norm_row_backward(dx, dweight, NULL, dy, x, weight, c, 0, inverse);
    }
}

SK_INLINE void layer_norm_rows_backward(float *dx, float *dweight, float *dbias, const float *dy,
                                        const float *x, const float *weight, ptrdiff_t rows,
                                        ptrdiff_t c, float epsilon) {
    for (ptrdiff_t r = 0; r < rows; r++, x += c, dy += c, dx += c) {
        const float mean = shifted_dot(x, 0, NULL, c) / (float)c;
        const float inverse = 1 / sqrtf(shifted_dot(x, mean, x, c) / (float)c + epsilon);
        norm_row_backward(dx, dweight, dbias, dy, x, weight, c, mean, inverse);
    }
}

SK_INLINE void silu_gate_rows_backward(float *dx, const float *dy, const float *x, ptrdiff_t rows,
                                       ptrdiff_t c, sk_row_map *exponentials) {
    float s[SPAN];
    for (ptrdiff_t r = 0; r < rows; r++, x += 2 * c, dx += 2 * c, dy += c) {
        for (ptrdiff_t first = 0; first < c; first += SPAN) {
            const ptrdiff_t n = c - first < SPAN ? c - first : SPAN;
            const float *gate = x + first, *up = x + c + first, *d = dy + first;
            for (ptrdiff_t i = 0; i < n; i++) {
                s[i] = -gate[i];
            }
            exponentials(s, s, n);
            for (ptrdiff_t i = 0; i < n; i++) {
                const float g = gate[i], share = 1 / (1 + s[i]);
                dx[c + first + i] = d[i] * g * share;
                dx[first + i] = d[i] * up[i] * share * (1 + g * (1 - share));
            }
        }
    }
}

SK_INLINE void gelu_tanh_values_backward(float *dx, const float *dy, const float *x, ptrdiff_t n,
                                         sk_row_map *exponentials) {
    const float c = 2 * 0.79788456f;
    float s[SPAN];
    for (ptrdiff_t first = 0; first < n; first += SPAN) {
        const ptrdiff_t count = n - first < SPAN ? n - first : SPAN;
        for (ptrdiff_t i = 0; i < count; i++) {
            const float v = x[first + i];
            s[i] = -c * v * (1 + 0.044715f * v * v);
        }
        exponentials(s, s, count);
        for (ptrdiff_t i = 0; i < count; i++) {
            const float v = x[first + i], share = 1 / (1 + s[i]);
            const float slope = c * (1 + 3 * 0.044715f * v * v);
            dx[first + i] = dy[first + i] * share * (1 + v * (1 - share) * slope);
        }
    }
}

/// `distribution` makes Φ(x).
SK_INLINE void gelu_erf_values_backward(float *dx, const float *dy, const float *x, ptrdiff_t n,
                                        sk_row_map *exponentials, sk_row_map *distribution) {
    float s[SPAN], phi[SPAN];
    for (ptrdiff_t first = 0; first < n; first += SPAN) {
        const ptrdiff_t count = n - first < SPAN ? n - first : SPAN;
        for (ptrdiff_t i = 0; i < count; i++) {
            s[i] = -0.5f * x[first + i] * x[first + i];
        }
        exponentials(s, s, count);
        distribution(phi, x + first, count);
        for (ptrdiff_t i = 0; i < count; i++) {
            dx[first + i] = dy[first + i] * (phi[i] + x[first + i] * 0.39894228f * s[i]);
        }
    }
}

SK_INLINE double cross_entropy_row(float *x, ptrdiff_t n, ptrdiff_t target,
                                   const sk_cross_entropy *rule, float total,
                                   sk_row_map *exponentials) {
    const float level = rule->smoothing / (float)n, share = 1 - rule->smoothing;
    const float factor = rule->scale * (1 + 2 * rule->z_weight * total);
    const float mean = rule->smoothing == 0 ? 0 : shifted_dot(x, total, NULL, n) / (float)n;
    const double loss = (double)share * ((double)total - (double)x[target]) -
                        (double)rule->smoothing * (double)mean +
                        (double)rule->z_weight * (double)total * (double)total;
    for (ptrdiff_t first = 0; first < n; first += SPAN) {
        const ptrdiff_t count = n - first < SPAN ? n - first : SPAN;
        float *part = x + first;
        for (ptrdiff_t i = 0; i < count; i++) {
            part[i] -= total;
        }
        exponentials(part, part, count);
        for (ptrdiff_t i = 0; i < count; i++) {
            part[i] = part[i] * factor - level * rule->scale;
        }
    }
    x[target] -= share * rule->scale;
    return loss;
}

/// c[m][n] += a · b; a's value (i, p) lies at i * a_row + p * a_column; n is a multiple of 16.
typedef void sk_block_product(float *c, ptrdiff_t ldc, const float *a, ptrdiff_t a_row,
                              ptrdiff_t a_column, const float *b, ptrdiff_t ldb, ptrdiff_t m,
                              ptrdiff_t n, ptrdiff_t k);

/// One step of the values; the gradient becomes zeros.
SK_INLINE void adamw_values(float *w, float *m, float *v, float *gradient, ptrdiff_t n,
                            const sk_adamw *rule) {
    const sk_adamw a = *rule;
    const float step = a.rate / a.correction1, root = sqrtf(a.correction2);
    for (ptrdiff_t i = 0; i < n; i++) {
        const float g = gradient[i] * a.gradient_scale;
        m[i] += (1 - a.beta1) * (g - m[i]);
        v[i] = a.beta2 * v[i] + (1 - a.beta2) * g * g;
        w[i] = w[i] * (1 - a.rate * a.decay) - step * m[i] / (sqrtf(v[i]) / root + a.epsilon);
        gradient[i] = 0;
    }
}

/// The levels that learning_body.h is compiled for.
void sk_learning_avx2(sk_kernels *table);
void sk_learning_avx512(sk_kernels *table);
void sk_learning_neon(sk_kernels *table);

#endif
