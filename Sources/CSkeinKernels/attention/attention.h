#ifndef SK_ATTENTION_H
#define SK_ATTENTION_H

#include "../internal.h"

enum {
    SK_ATTENTION_QUERIES = 48,  ///< query vectors worked on together
    SK_ATTENTION_CHUNK = 16,    ///< keys or values widened together
    SK_ATTENTION_COLUMNS = 256, ///< of a head worked on together
};

/// The arithmetic of one level. Vectors are `width` floats long, a multiple of `lanes` and at most
/// SK_ATTENTION_COLUMNS; several of them lie `width` apart. What a step does for one query has the
/// same bits whatever other queries and keys share the call.
typedef struct sk_attention_steps {
    int32_t lanes; ///< at most 16
    int32_t few;   ///< queries for which keys and values are not worth widening first
    /// Widens n values of SK_F16 or SK_BF16, or copies SK_F32; zeros follow up to a whole vector.
    void (*widen)(sk_type type, float *y, const void *x, ptrdiff_t n);
    /// scores[q * SK_ATTENTION_TILE + i] = queries[q] · keys[i], or += where `add` is set. `keys`
    /// has SK_ATTENTION_CHUNK readable vectors of `type`, which is SK_F32 for more than `few`
    /// queries; scores up to the next multiple of four are spoilt.
    void (*dots)(float *scores, const float *queries, int32_t query_count, sk_type type,
                 const void *const *keys, int32_t key_count, int32_t width, int32_t add);
    /// Takes one tile's scores into a query's running maximum and sum and turns them into weights.
    /// Returns the factor for what was summed up before.
    float (*weigh)(float *scores, int32_t count, float scale, float cap, float *largest,
                   float *sum);
    /// sums[q] += weights[q * SK_ATTENTION_TILE + i] * values[i] for i in order.
    void (*gather)(float *sums, const float *weights, int32_t query_count, sk_type type,
                   const void *const *values, int32_t value_count, int32_t width);
} sk_attention_steps;

/// The walk over rows, runs and tiles that all levels share.
void sk_attention_run(const sk_attention_steps *steps, const sk_attention *args,
                      ptrdiff_t row_begin, ptrdiff_t row_end, ptrdiff_t kv_begin, ptrdiff_t kv_end);

void sk_attention_portable(sk_kernels *table);

/// The levels that attention_body.h is compiled for.
void sk_attention_avx2(sk_kernels *table);
void sk_attention_avx512(sk_kernels *table);
void sk_attention_neon(sk_kernels *table);

#endif
