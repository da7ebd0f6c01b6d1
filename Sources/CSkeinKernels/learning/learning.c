#include "learning.h"
#include "attention_backward.h"
#include "attention_forward.h"

static void exponentials(float *y, const float *x, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] = expf(x[i]);
    }
}

static void distribution(float *y, const float *x, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] = 0.5f * erfcf(-0.70710678f * x[i]);
    }
}

static void transpose(float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx, ptrdiff_t rows,
                      ptrdiff_t columns) {
    transpose_plain(y, ldy, x, ldx, rows, columns);
}

static void pack_columns(float *packed, const float *x, ptrdiff_t ldx, ptrdiff_t n_begin,
                         ptrdiff_t n_end, ptrdiff_t k_begin, ptrdiff_t k_end, ptrdiff_t k) {
    pack_columns_of(packed, x, ldx, n_begin, n_end, k_begin, k_end, k);
}

static void rms_norm_backward(float *dx, float *dweight, const float *dy, const float *x,
                              const float *weight, ptrdiff_t rows, ptrdiff_t c, float epsilon) {
    rms_norm_rows_backward(dx, dweight, dy, x, weight, rows, c, epsilon);
}

static void layer_norm_backward(float *dx, float *dweight, float *dbias, const float *dy,
                                const float *x, const float *weight, ptrdiff_t rows, ptrdiff_t c,
                                float epsilon) {
    layer_norm_rows_backward(dx, dweight, dbias, dy, x, weight, rows, c, epsilon);
}

static void silu_gate_backward(float *dx, const float *dy, const float *x, ptrdiff_t rows,
                               ptrdiff_t c) {
    silu_gate_rows_backward(dx, dy, x, rows, c, exponentials);
}

static void gelu_tanh_backward(float *dx, const float *dy, const float *x, ptrdiff_t n) {
    gelu_tanh_values_backward(dx, dy, x, n, exponentials);
}

static void gelu_erf_backward(float *dx, const float *dy, const float *x, ptrdiff_t n) {
    gelu_erf_values_backward(dx, dy, x, n, exponentials, distribution);
}

static double cross_entropy(float *x, ptrdiff_t n, ptrdiff_t target, const sk_cross_entropy *rule) {
    float most = -INFINITY;
    for (ptrdiff_t i = 0; i < n; i++) {
        most = x[i] > most ? x[i] : most;
    }
    double sum = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        sum += (double)expf(x[i] - most);
    }
    return cross_entropy_row(x, n, target, rule, (float)((double)most + log(sum)), exponentials);
}

static void block_product(float *c, ptrdiff_t ldc, const float *a, ptrdiff_t a_row,
                          ptrdiff_t a_column, const float *b, ptrdiff_t ldb, ptrdiff_t m,
                          ptrdiff_t n, ptrdiff_t k) {
    for (ptrdiff_t i = 0; i < m; i++) {
        for (ptrdiff_t p = 0; p < k; p++) {
            const float value = a[i * a_row + p * a_column];
            for (ptrdiff_t j = 0; j < n; j++) {
                c[i * ldc + j] += value * b[p * ldb + j];
            }
        }
    }
}

static ptrdiff_t attention_scratch(ptrdiff_t rows, ptrdiff_t head_dim) {
    return attention_scratch_of(rows, head_dim);
}

static void attention_forward(const sk_attention_learning *args, ptrdiff_t kv_head) {
    attention_head_forward(args, kv_head, (block_steps){block_product, exponentials, transpose});
}

static void attention_backward(const sk_attention_learning *args, ptrdiff_t kv_head) {
    attention_head_backward(args, kv_head, (block_steps){block_product, exponentials, transpose});
}

void sk_adamw_values(float *w, float *m, float *v, float *gradient, ptrdiff_t n,
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

void sk_fill_learning(sk_kernels *table) {
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
    table->adamw = sk_adamw_values;
#if defined(SK_X86)
    if (table->isa == SK_ISA_AVX2 || table->isa == SK_ISA_AVX512) {
        sk_fill_learning_avx2(table);
    }
#endif
}
