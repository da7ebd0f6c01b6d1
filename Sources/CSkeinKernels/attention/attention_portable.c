#include "attention.h"

#include "../convert/convert.h"

#include <math.h>

// Dot products are summed in eight lanes, then pairwise.

enum { lanes = 8, few = 0 };

static void widen(sk_type type, float *y, const void *x, ptrdiff_t n) {
    sk_dequantize_portable(type, y, x, n);
    for (; n % lanes != 0; n++) {
        y[n] = 0;
    }
}

static void dots(float *scores, const float *queries, int32_t query_count, sk_type type,
                 const void *const *keys, int32_t key_count, int32_t width, int32_t add) {
    (void)type;
    for (int32_t q = 0; q < query_count; q++, queries += width, scores += SK_ATTENTION_TILE) {
        for (int32_t i = 0; i < key_count; i++) {
            const float *key = keys[i];
            float s[lanes] = {0};
            for (int32_t c = 0; c < width; c += lanes) {
                for (int32_t l = 0; l < lanes; l++) {
                    s[l] += queries[c + l] * key[c + l];
                }
            }
            float dot = ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
            scores[i] = add ? scores[i] + dot : dot;
        }
    }
}

static float weigh(float *scores, int32_t count, float scale, float cap, float *largest,
                   float *sum) {
    float best = *largest;
    for (int32_t i = 0; i < count; i++) {
        float score = scores[i] * scale;
        scores[i] = cap == 0 ? score : cap * tanhf(score / cap);
        best = scores[i] > best ? scores[i] : best;
    }
    float shift = best == -INFINITY ? 0 : best;
    float factor = expf(*largest - shift);
    float total = 0;
    for (int32_t i = 0; i < count; i++) {
        scores[i] = expf(scores[i] - shift);
        total += scores[i];
    }
    *largest = best;
    *sum = *sum * factor + total;
    return factor;
}

static void gather(float *sums, const float *weights, int32_t query_count, sk_type type,
                   const void *const *values, int32_t value_count, int32_t width) {
    (void)type;
    for (int32_t q = 0; q < query_count; q++, sums += width, weights += SK_ATTENTION_TILE) {
        for (int32_t i = 0; i < value_count; i++) {
            const float *value = values[i];
            for (int32_t c = 0; c < width; c++) {
                sums[c] += weights[i] * value[c];
            }
        }
    }
}

#include "attention_table.h"

void sk_attention_portable(sk_kernels *table) { fill_table(table); }
