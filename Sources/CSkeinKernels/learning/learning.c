#include "learning.h"

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

static float log_of_sum(const float *x, ptrdiff_t n) {
    float most = -INFINITY;
    for (ptrdiff_t i = 0; i < n; i++) {
        most = x[i] > most ? x[i] : most;
    }
    double sum = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        sum += (double)expf(x[i] - most);
    }
    return (float)((double)most + log(sum));
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

static void adamw(float *w, float *m, float *v, float *gradient, ptrdiff_t n,
                  const sk_adamw *rule) {
    adamw_values(w, m, v, gradient, n, rule);
}

#define LEVEL
#define ABREAST 1

#include "learning_table.h"

void sk_fill_learning(sk_kernels *table) {
    fill_table(table);
    SK_FILL_LEVEL(learning, table);
}
