#include "attention.h"

#include "../convert/half.h"

#include <math.h>

static float element(const void *token, sk_type type, ptrdiff_t d) {
    switch (type) {
    case SK_F32:
        return ((const float *)token)[d];
    case SK_F16:
        return sk_half_to_float(((const uint16_t *)token)[d]);
    default:
        return sk_bfloat_to_float(((const uint16_t *)token)[d]);
    }
}

static void load_keys(float *tile, const void *const *tokens, ptrdiff_t count, sk_type type,
                      ptrdiff_t width) {
    for (ptrdiff_t d = 0; d < width; d++) {
        for (ptrdiff_t j = 0; j < SK_ATTENTION_TILE; j++) {
            tile[d * SK_ATTENTION_TILE + j] = j < count ? element(tokens[j], type, d) : 0;
        }
    }
}

static void load_values(float *tile, const void *const *tokens, ptrdiff_t count, sk_type type,
                        ptrdiff_t width) {
    for (ptrdiff_t j = 0; j < count; j++) {
        for (ptrdiff_t d = 0; d < width; d++) {
            tile[j * SK_COLUMN_BLOCK + d] = element(tokens[j], type, d);
        }
    }
}

static void product(float *const *c, const float *const *a, ptrdiff_t queries, ptrdiff_t depth,
                    const float *b, ptrdiff_t ldb, ptrdiff_t width) {
    for (ptrdiff_t q = 0; q < queries; q++) {
        for (ptrdiff_t k = 0; k < depth; k++) {
            for (ptrdiff_t i = 0; i < width; i++) {
                c[q][i] += a[q][k] * b[k * ldb + i];
            }
        }
    }
}

static float weigh(float *scores, ptrdiff_t count, float scale, float soft_cap, float *max,
                   float *sum) {
    float best = *max;
    for (ptrdiff_t j = 0; j < count; j++) {
        scores[j] *= scale;
        if (soft_cap != 0) {
            scores[j] = soft_cap * tanhf(scores[j] / soft_cap);
        }
        best = scores[j] > best ? scores[j] : best; // a NaN score is passed over here ...
    }
    float shift = best == -INFINITY ? 0 : best;
    float factor = expf(*max - shift);
    float total = 0;
    for (ptrdiff_t j = 0; j < count; j++) {
        scores[j] = expf(scores[j] - shift); // ... and makes its weight NaN
        total += scores[j];
    }
    for (ptrdiff_t j = count; j < SK_ATTENTION_TILE; j++) {
        scores[j] = 0;
    }
    *max = best;
    *sum = *sum * factor + total;
    return factor;
}

static void rescale(float *y, float factor, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] *= factor;
    }
}

static void attention(const sk_attention *args, ptrdiff_t row_begin, ptrdiff_t row_end,
                      ptrdiff_t kv_begin, ptrdiff_t kv_end) {
    static const sk_tile_kernels kernels = {load_keys, load_values, product, weigh, rescale};
    sk_attention_walk(args, row_begin, row_end, kv_begin, kv_end, &kernels);
}

void sk_fill_attention(sk_kernels *table) {
    table->attention = attention;
#if defined(SK_X86)
    if (table->isa == SK_ISA_AVX2 || table->isa == SK_ISA_AVX512) {
        sk_attention_avx2(table);
    }
#endif
}
