#ifndef SK_ATTENTION_H
#define SK_ATTENTION_H

#include "../internal.h"

enum {
    SK_QUERY_BLOCK = 64,   ///< query heads (rows × group) that share a converted tile
    SK_COLUMN_BLOCK = 128, ///< columns of a head converted at once; wider heads take several
};

/// What one level supplies; the walk over rows, ranges and runs is common to all levels.
typedef struct sk_tile_kernels {
    /// tile[d * SK_ATTENTION_TILE + j] = element d of token j, zero for j >= count.
    void (*load_keys)(float *tile, const void *const *tokens, ptrdiff_t count, sk_type type,
                      ptrdiff_t width);
    /// tile[j * SK_COLUMN_BLOCK + d] = element d of token j.
    void (*load_values)(float *tile, const void *const *tokens, ptrdiff_t count, sk_type type,
                        ptrdiff_t width);
    /// c[q][i] += Σ_k a[q][k] · b[k * ldb + i] for i < width, each sum in ascending order of k.
    void (*product)(float *const *c, const float *const *a, ptrdiff_t queries, ptrdiff_t depth,
                    const float *b, ptrdiff_t ldb, ptrdiff_t width);
    /// Turns a tile of products into weights exp(score - max), zero from `count` on; updates the
    /// running maximum and sum; returns the factor for what was accumulated before.
    float (*weigh)(float *scores, ptrdiff_t count, float scale, float soft_cap, float *max,
                   float *sum);
    /// y *= factor.
    void (*rescale)(float *y, float factor, ptrdiff_t n);
} sk_tile_kernels;

void sk_attention_walk(const sk_attention *args, ptrdiff_t row_begin, ptrdiff_t row_end,
                       ptrdiff_t kv_begin, ptrdiff_t kv_end, const sk_tile_kernels *kernels);

void sk_attention_avx2(sk_kernels *table);
void sk_attention_avx512(sk_kernels *table);
void sk_attention_neon(sk_kernels *table);

#endif
