// The entries of one level, after exponentials, distribution, transpose, log_of_sum, block_product
// and adamw, with which they are made, LEVEL and ABREAST, the float tiles that lie abreast.

#include "attention_backward.h"
#include "attention_forward.h"

LEVEL static void pack_columns(sk_type type, void *packed, const float *x, ptrdiff_t ldx,
                               ptrdiff_t n, ptrdiff_t k_begin, ptrdiff_t k_end, ptrdiff_t k) {
    if (type == SK_BF16) {
        pack_column_pairs(ABREAST, packed, x, ldx, n, k_begin, k_end, k);
    } else {
        pack_columns_of(ABREAST, packed, x, ldx, n, k_begin, k_end, k);
    }
}

LEVEL static void rms_norm_backward(float *dx, float *dweight, const float *dy, const float *x,
                                    const float *weight, ptrdiff_t rows, ptrdiff_t c,
                                    float epsilon) {
    rms_norm_rows_backward(dx, dweight, dy, x, weight, rows, c, epsilon);
}

LEVEL static void layer_norm_backward(float *dx, float *dweight, float *dbias, const float *dy,
                                      const float *x, const float *weight, ptrdiff_t rows,
                                      ptrdiff_t c, float epsilon) {
    layer_norm_rows_backward(dx, dweight, dbias, dy, x, weight, rows, c, epsilon);
}

LEVEL static void silu_gate_backward(float *dx, const float *dy, const float *x, ptrdiff_t rows,
                                     ptrdiff_t c) {
    silu_gate_rows_backward(dx, dy, x, rows, c, exponentials);
}

LEVEL static void gelu_tanh_backward(float *dx, const float *dy, const float *x, ptrdiff_t n) {
    gelu_tanh_values_backward(dx, dy, x, n, exponentials);
}

LEVEL static void gelu_erf_backward(float *dx, const float *dy, const float *x, ptrdiff_t n) {
    gelu_erf_values_backward(dx, dy, x, n, exponentials, distribution);
}

LEVEL static double cross_entropy(float *x, ptrdiff_t n, ptrdiff_t target,
                                  const sk_cross_entropy *rule) {
    return cross_entropy_row(x, n, target, rule, log_of_sum(x, n), exponentials);
}

static ptrdiff_t attention_scratch(ptrdiff_t rows, ptrdiff_t head_dim) {
    return attention_scratch_of(rows, head_dim);
}

LEVEL static void attention_forward(const sk_attention_learning *args, ptrdiff_t kv_head) {
    attention_head_forward(args, kv_head, (block_steps){block_product, exponentials, transpose});
}

LEVEL static void attention_backward(const sk_attention_learning *args, ptrdiff_t kv_head) {
    attention_head_backward(args, kv_head, (block_steps){block_product, exponentials, transpose});
}

SK_INLINE void fill_table(sk_kernels *table) {
    table->transpose = transpose;
    table->pack_columns = pack_columns;
    table->rms_norm_backward = rms_norm_backward;
    table->layer_norm_backward = layer_norm_backward;
    table->silu_gate_backward = silu_gate_backward;
    table->gelu_tanh_backward = gelu_tanh_backward;
    table->gelu_erf_backward = gelu_erf_backward;
    table->cross_entropy = cross_entropy;
    table->attention_scratch = attention_scratch;
    table->attention_forward = attention_forward;
    table->attention_backward = attention_backward;
    table->adamw = adamw;
}
