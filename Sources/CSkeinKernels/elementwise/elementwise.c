#include "elementwise.h"

#include <math.h>

static void rms_norm(float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx, const float *weight,
                     ptrdiff_t rows, ptrdiff_t c, float epsilon) {
    for (ptrdiff_t r = 0; r < rows; r++, x += ldx, y += ldy) {
        double squares = 0;
        for (ptrdiff_t i = 0; i < c; i++) {
            squares += (double)x[i] * (double)x[i];
        }
        float factor = (float)(1 / sqrt(squares / (double)c + (double)epsilon));
        for (ptrdiff_t i = 0; i < c; i++) {
            y[i] = x[i] * factor * weight[i];
        }
    }
}

static void layer_norm(float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx, const float *weight,
                       const float *_Nullable bias, ptrdiff_t rows, ptrdiff_t c, float epsilon) {
    for (ptrdiff_t r = 0; r < rows; r++, x += ldx, y += ldy) {
        double sum = 0;
        for (ptrdiff_t i = 0; i < c; i++) {
            sum += (double)x[i];
        }
        double mean = sum / (double)c;
        double squares = 0;
        for (ptrdiff_t i = 0; i < c; i++) {
            squares += ((double)x[i] - mean) * ((double)x[i] - mean);
        }
        float factor = (float)(1 / sqrt(squares / (double)c + (double)epsilon));
        for (ptrdiff_t i = 0; i < c; i++) {
            y[i] = (x[i] - (float)mean) * factor * weight[i] + (bias ? bias[i] : 0);
        }
    }
}

static void rotary(float *x, ptrdiff_t ldx, const float *cosines, const float *sines,
                   ptrdiff_t rows, ptrdiff_t heads, ptrdiff_t head_dim, ptrdiff_t half,
                   int32_t interleaved) {
    ptrdiff_t step = interleaved ? 2 : 1;
    ptrdiff_t apart = interleaved ? 1 : half;
    for (ptrdiff_t r = 0; r < rows; r++) {
        for (ptrdiff_t h = 0; h < heads; h++) {
            float *head = x + r * ldx + h * head_dim;
            for (ptrdiff_t i = 0; i < half; i++) {
                float a = head[i * step], b = head[i * step + apart];
                float cosine = cosines[r * half + i], sine = sines[r * half + i];
                head[i * step] = a * cosine - b * sine;
                head[i * step + apart] = a * sine + b * cosine;
            }
        }
    }
}

static void add(float *y, const float *a, const float *b, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] = a[i] + b[i];
    }
}

static void multiply(float *y, const float *a, const float *b, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] = a[i] * b[i];
    }
}

static void scale(float *y, const float *x, float factor, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] = x[i] * factor;
    }
}

static float silu_of(float x) { return x / (1 + expf(-x)); }

static float gelu_erf_of(float x) { return 0.5f * x * erfcf(-x * 0.70710678f); }

static float gelu_tanh_of(float x) {
    // 0.5 (1 + tanh u) is the logistic function of 2u, which keeps its accuracy where tanh u is
    // near -1.
    float u = 0.79788456f * (x + 0.044715f * x * x * x);
    return x / (1 + expf(-2 * u));
}

static void silu(float *y, const float *x, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] = silu_of(x[i]);
    }
}

static void gelu_erf(float *y, const float *x, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] = gelu_erf_of(x[i]);
    }
}

static void gelu_tanh(float *y, const float *x, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] = gelu_tanh_of(x[i]);
    }
}

static void silu_gate(float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx, ptrdiff_t rows,
                      ptrdiff_t c) {
    for (ptrdiff_t r = 0; r < rows; r++, x += ldx, y += ldy) {
        for (ptrdiff_t i = 0; i < c; i++) {
            y[i] = silu_of(x[i]) * x[c + i];
        }
    }
}

static void gelu_gate(float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx, ptrdiff_t rows,
                      ptrdiff_t c) {
    for (ptrdiff_t r = 0; r < rows; r++, x += ldx, y += ldy) {
        for (ptrdiff_t i = 0; i < c; i++) {
            y[i] = gelu_tanh_of(x[i]) * x[c + i];
        }
    }
}

static void exp_of_all(float *y, const float *x, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] = expf(x[i]);
    }
}

static void tanh_of_all(float *y, const float *x, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] = tanhf(x[i]);
    }
}

/// The largest value; NaN is passed over; -infinity of nothing.
static float largest(const float *x, ptrdiff_t n) {
    float best = -INFINITY;
    for (ptrdiff_t i = 0; i < n; i++) {
        best = x[i] > best ? x[i] : best;
    }
    return best;
}

static void softmax(float *y, const float *x, ptrdiff_t n) {
    float best = largest(x, n);
    float shift = best == -INFINITY ? 0 : best;
    double sum = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] = expf(x[i] - shift);
        sum += (double)y[i];
    }
    float factor = sum == 0 ? 0 : (float)(1 / sum);
    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] *= factor;
    }
}

static float log_sum_exp(const float *x, ptrdiff_t n) {
    float best = largest(x, n);
    if (best == INFINITY) {
        best = 0; // the sum itself is infinite or NaN
    }
    float shift = best == -INFINITY ? 0 : best;
    double sum = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        sum += (double)expf(x[i] - shift);
    }
    return (float)((double)shift + log(sum));
}

static ptrdiff_t argmax(const float *x, ptrdiff_t n) {
    ptrdiff_t best = -1;
    for (ptrdiff_t i = 0; i < n; i++) {
        if (best < 0 ? x[i] == x[i] : x[i] > x[best]) {
            best = i;
        }
    }
    return best;
}

static void select_largest(int32_t *places, float *values, ptrdiff_t keep, const float *x,
                           ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < keep; i++) {
        sk_insert(places, values, i, x[i], i);
    }
    for (ptrdiff_t i = keep; i < n && keep > 0; i++) {
        if (x[i] > values[keep - 1]) {
            sk_insert(places, values, keep - 1, x[i], i);
        }
    }
}

static int32_t all_finite(const float *x, ptrdiff_t n) {
    int32_t finite = 1;
    for (ptrdiff_t i = 0; i < n; i++) {
        finite &= fabsf(x[i]) < INFINITY;
    }
    return finite;
}

#include "elementwise_table.h"

void sk_fill_elementwise(sk_kernels *table) {
    fill_table(table);
    SK_FILL_LEVEL(elementwise, table);
}
