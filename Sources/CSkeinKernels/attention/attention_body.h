// The arithmetic of attention, written once for all levels with vectors.

#include "../vector/math.h"

#include <math.h>

enum { TOGETHER = 3, ACROSS = 4 }; ///< queries, and keys or vectors of columns, in registers

SK_INLINE LEVEL void widen_narrow(sk_type type, float *y, const uint16_t *x, ptrdiff_t n) {
    ptrdiff_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH) {
        sk_store(y + i, sk_widen(type, x + i));
    }
    if (i < n) {
        uint16_t rest[WIDTH] = {0};
        memcpy(rest, x + i, (size_t)(n - i) * sizeof *rest);
        sk_store(y + i, sk_widen(type, rest));
    }
}

LEVEL static void widen(sk_type type, float *y, const void *x, ptrdiff_t n) {
    if (type == SK_F16) {
        widen_narrow(SK_F16, y, x, n);
    } else if (type == SK_BF16) {
        widen_narrow(SK_BF16, y, x, n);
    } else {
        memcpy(y, x, (size_t)n * sizeof *y);
        for (; n % WIDTH != 0; n++) {
            y[n] = 0;
        }
    }
}

/// WIDTH values of a vector of any type, from column c on.
SK_INLINE LEVEL sk_v load_as(sk_type type, const void *x, int32_t c) {
    return type == SK_F32 ? sk_load((const float *)x + c) : sk_widen(type, (const uint16_t *)x + c);
}

/// Sums of neighbours within each four lanes: a's in its lower two, b's in its upper two.
SK_INLINE LEVEL sk_v pairs_of(sk_v a, sk_v b) {
#if WIDTH == 16
    return __builtin_shufflevector(a, b, 0, 2, 16, 18, 4, 6, 20, 22, 8, 10, 24, 26, 12, 14, 28,
                                   30) +
           __builtin_shufflevector(a, b, 1, 3, 17, 19, 5, 7, 21, 23, 9, 11, 25, 27, 13, 15, 29, 31);
#elif WIDTH == 8
    return __builtin_shufflevector(a, b, 0, 2, 8, 10, 4, 6, 12, 14) +
           __builtin_shufflevector(a, b, 1, 3, 9, 11, 5, 7, 13, 15);
#else
    return __builtin_shufflevector(a, b, 0, 2, 4, 6) + __builtin_shufflevector(a, b, 1, 3, 5, 7);
#endif
}

/// Sums of the lanes of four vectors: pairs, then fours, then halves.
SK_INLINE LEVEL sk_f4 sum_four(const sk_v *x) {
    const sk_v fours = pairs_of(pairs_of(x[0], x[1]), pairs_of(x[2], x[3]));
    return SK_FOLD(fours, SK_SUM);
}

/// The products of `count` (a constant) queries with four keys.
SK_INLINE LEVEL void dot_four(float *scores, const float *queries, int32_t count, sk_type type,
                              const void *const *keys, int32_t width, int32_t add) {
    sk_v sums[TOGETHER][ACROSS] = {{0}};
    const void *at[ACROSS] = {keys[0], keys[1], keys[2], keys[3]};
    for (int32_t c = 0; c < width; c += WIDTH) {
        sk_v query[TOGETHER];
        for (int32_t q = 0; q < count; q++) {
            query[q] = sk_load(queries + q * width + c);
        }
        for (int32_t i = 0; i < ACROSS; i++) {
            const sk_v key = load_as(type, at[i], c);
            for (int32_t q = 0; q < count; q++) {
                sums[q][i] = FMA(query[q], key, sums[q][i]);
            }
        }
    }
    for (int32_t q = 0; q < count; q++, scores += SK_ATTENTION_TILE) {
        sk_f4 dots = sum_four(sums[q]), before;
        if (add) {
            memcpy(&before, scores, sizeof before);
            dots += before;
        }
        memcpy(scores, &dots, sizeof dots);
    }
}

/// The products of up to TOGETHER queries.
SK_INLINE LEVEL void dot_queries(float *scores, const float *queries, int32_t count, sk_type type,
                                 const void *const *keys, int32_t key_count, int32_t width,
                                 int32_t add) {
    for (int32_t i = 0; i < key_count; i += ACROSS) {
        switch (count) {
        case 1:
            dot_four(scores + i, queries, 1, type, keys + i, width, add);
            break;
        case 2:
            dot_four(scores + i, queries, 2, type, keys + i, width, add);
            break;
        default:
            dot_four(scores + i, queries, TOGETHER, type, keys + i, width, add);
            break;
        }
    }
}

LEVEL static void dots(float *scores, const float *queries, int32_t query_count, sk_type type,
                       const void *const *keys, int32_t key_count, int32_t width, int32_t add) {
    if (type == SK_F16) {
        dot_queries(scores, queries, query_count, SK_F16, keys, key_count, width, add);
        return;
    }
    if (type == SK_BF16) {
        dot_queries(scores, queries, query_count, SK_BF16, keys, key_count, width, add);
        return;
    }
    for (int32_t q = 0; q < query_count; q += TOGETHER) {
        dot_queries(scores + (ptrdiff_t)q * SK_ATTENTION_TILE, queries + (ptrdiff_t)q * width,
                    query_count - q, SK_F32, keys, key_count, width, add);
    }
}

LEVEL static float weigh(float *scores, int32_t count, float scale, float cap, float *largest,
                         float *sum) {
    enum { VECTORS = SK_ATTENTION_TILE / WIDTH };
    const sk_v lowest = ALL(-INFINITY);
    sk_v best = lowest, score[VECTORS];
    for (int32_t i = 0; i < VECTORS; i++) {
        sk_v x = sk_load(scores + i * WIDTH) * scale;
        if (cap != 0) {
            x = cap * sk_tanh(x / cap);
        }
        score[i] = SK_INDEX + i * WIDTH < count ? x : lowest;
        best = sk_greater(score[i], best); // NaN is passed over
    }
    const float old = *largest;
    float top = sk_greatest(best);
    top = top > old ? top : old;
    const float shift = top == -INFINITY ? 0 : top;
    sk_v total = {0};
    for (int32_t i = 0; i < VECTORS; i++) {
        const sk_v weight = sk_exp(score[i] - shift);
        sk_store(scores + i * WIDTH, weight);
        total += weight;
    }
    const float factor = top == old ? 1 : sk_exp(ALL(old - shift))[0];
    *largest = top;
    *sum = *sum * factor + sk_sum(total);
    return factor;
}

/// Weighs `vectors` (a constant) vectors of columns for `count` (a constant) queries.
SK_INLINE LEVEL void gather_some(float *sums, const float *weights, int32_t count, sk_type type,
                                 const void *const *values, int32_t value_count, int32_t column,
                                 int32_t vectors, int32_t width) {
    sk_v sum[TOGETHER][ACROSS];
    for (int32_t q = 0; q < count; q++) {
        for (int32_t v = 0; v < vectors; v++) {
            sum[q][v] = sk_load(sums + q * width + column + v * WIDTH);
        }
    }
    for (int32_t i = 0; i < value_count; i++) {
        sk_v weight[TOGETHER];
        for (int32_t q = 0; q < count; q++) {
            weight[q] = ALL(weights[q * SK_ATTENTION_TILE + i]);
        }
        for (int32_t v = 0; v < vectors; v++) {
            const sk_v value = load_as(type, values[i], column + v * WIDTH);
            for (int32_t q = 0; q < count; q++) {
                sum[q][v] = FMA(weight[q], value, sum[q][v]);
            }
        }
    }
    for (int32_t q = 0; q < count; q++) {
        for (int32_t v = 0; v < vectors; v++) {
            sk_store(sums + q * width + column + v * WIDTH, sum[q][v]);
        }
    }
}

SK_INLINE LEVEL void gather_columns(float *sums, const float *weights, int32_t count, sk_type type,
                                    const void *const *values, int32_t value_count, int32_t width) {
    int32_t column = 0;
    for (; column + ACROSS * WIDTH <= width; column += ACROSS * WIDTH) {
        gather_some(sums, weights, count, type, values, value_count, column, ACROSS, width);
    }
    for (; column < width; column += WIDTH) {
        gather_some(sums, weights, count, type, values, value_count, column, 1, width);
    }
}

/// Up to TOGETHER queries.
SK_INLINE LEVEL void gather_queries(float *sums, const float *weights, int32_t count, sk_type type,
                                    const void *const *values, int32_t value_count, int32_t width) {
    switch (count) {
    case 1:
        gather_columns(sums, weights, 1, type, values, value_count, width);
        break;
    case 2:
        gather_columns(sums, weights, 2, type, values, value_count, width);
        break;
    default:
        gather_columns(sums, weights, TOGETHER, type, values, value_count, width);
        break;
    }
}

LEVEL static void gather(float *sums, const float *weights, int32_t query_count, sk_type type,
                         const void *const *values, int32_t value_count, int32_t width) {
    if (type == SK_F16) {
        gather_queries(sums, weights, query_count, SK_F16, values, value_count, width);
        return;
    }
    if (type == SK_BF16) {
        gather_queries(sums, weights, query_count, SK_BF16, values, value_count, width);
        return;
    }
    for (int32_t q = 0; q < query_count; q += TOGETHER) {
        gather_queries(sums + (ptrdiff_t)q * width, weights + (ptrdiff_t)q * SK_ATTENTION_TILE,
                       query_count - q, SK_F32, values, value_count, width);
    }
}

enum { lanes = WIDTH, few = TOGETHER };

#include "attention_table.h"
