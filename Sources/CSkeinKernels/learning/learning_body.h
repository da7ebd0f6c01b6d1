// What the way back is made of, written once for all levels with vectors.

#include "../vector/math.h"

LEVEL static void exponentials(float *y, const float *x, ptrdiff_t n) { sk_map(y, x, n, sk_exp); }

LEVEL static void distribution(float *y, const float *x, ptrdiff_t n) { sk_map(y, x, n, sk_phi); }

/// Transposes eight rows of eight columns.
SK_INLINE LEVEL void transpose8(float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx) {
    sk_f8 a[8], b[8];
    for (int i = 0; i < 8; i++) {
        memcpy(&a[i], x + i * ldx, sizeof a[i]);
    }
    for (int i = 0; i < 8; i += 2) {
        b[i] = __builtin_shufflevector(a[i], a[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        b[i + 1] = __builtin_shufflevector(a[i], a[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    for (int i = 0; i < 8; i += 4) {
        for (int j = 0; j < 2; j++) {
            const sk_f8 low = b[i + j], high = b[i + j + 2];
            a[i + 2 * j] = __builtin_shufflevector(low, high, 0, 1, 8, 9, 4, 5, 12, 13);
            a[i + 2 * j + 1] = __builtin_shufflevector(low, high, 2, 3, 10, 11, 6, 7, 14, 15);
        }
    }
    for (int i = 0; i < 4; i++) {
        const sk_f8 upper = __builtin_shufflevector(a[i], a[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        const sk_f8 lower = __builtin_shufflevector(a[i], a[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
        memcpy(y + i * ldy, &upper, sizeof upper);
        memcpy(y + (i + 4) * ldy, &lower, sizeof lower);
    }
}

LEVEL static void transpose(float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx, ptrdiff_t rows,
                            ptrdiff_t columns) {
    const ptrdiff_t r_end = rows / 8 * 8, c_end = columns / 8 * 8;
    for (ptrdiff_t r = 0; r < r_end; r += 8) {
        for (ptrdiff_t c = 0; c < c_end; c += 8) {
            transpose8(y + c * ldy + r, ldy, x + r * ldx + c, ldx);
        }
    }
    transpose_plain(y + c_end * ldy, ldy, x + c_end, ldx, rows, columns - c_end);
    transpose_plain(y + r_end, ldy, x + r_end * ldx, ldx, rows - r_end, c_end);
}

/// log(Σ eˣ)
LEVEL static float log_of_sum(const float *x, ptrdiff_t n) {
    sk_v most = ALL(-INFINITY);
    ptrdiff_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH) {
        most = sk_greater(most, sk_load(x + i));
    }
    float best = sk_greatest(most);
    for (; i < n; i++) {
        best = x[i] > best ? x[i] : best;
    }
    double sum = 0;
    for (ptrdiff_t first = 0; first < n; first += SPAN) {
        sk_v part = {0};
        const ptrdiff_t end = n - first < SPAN ? n : first + SPAN;
        for (i = first; i + WIDTH <= end; i += WIDTH) {
            part += sk_exp(sk_load(x + i) - best);
        }
        if (i < end) {
            part += sk_first(sk_exp(sk_load_first(x + i, end - i) - best), end - i);
        }
        sum += (double)sk_sum(part);
    }
    return (float)((double)best + log(sum));
}

enum { COLUMNS = 16, PARTS = COLUMNS / WIDTH, ROWS = 6 }; ///< of a product's sums in registers

/// `rows` rows (a constant) of COLUMNS columns.
SK_INLINE LEVEL void product_rows(int rows, float *c, ptrdiff_t ldc, const float *a,
                                  ptrdiff_t a_row, ptrdiff_t a_column, const float *b,
                                  ptrdiff_t ldb, ptrdiff_t k) {
    sk_v sums[ROWS][PARTS];
    for (int i = 0; i < rows; i++) {
        for (int j = 0; j < PARTS; j++) {
            sums[i][j] = sk_load(c + i * ldc + j * WIDTH);
        }
    }
    for (ptrdiff_t p = 0; p < k; p++) {
        sk_v across[PARTS];
        for (int j = 0; j < PARTS; j++) {
            across[j] = sk_load(b + p * ldb + j * WIDTH);
        }
        for (int i = 0; i < rows; i++) {
            const sk_v value = ALL(a[i * a_row + p * a_column]);
            for (int j = 0; j < PARTS; j++) {
                sums[i][j] = FMA(value, across[j], sums[i][j]);
            }
        }
    }
    for (int i = 0; i < rows; i++) {
        for (int j = 0; j < PARTS; j++) {
            sk_store(c + i * ldc + j * WIDTH, sums[i][j]);
        }
    }
}

LEVEL static void block_product(float *c, ptrdiff_t ldc, const float *a, ptrdiff_t a_row,
                                ptrdiff_t a_column, const float *b, ptrdiff_t ldb, ptrdiff_t m,
                                ptrdiff_t n, ptrdiff_t k) {
    for (ptrdiff_t j = 0; j < n; j += COLUMNS) {
        ptrdiff_t i = 0;
        for (; i + ROWS <= m; i += ROWS) {
            product_rows(ROWS, c + i * ldc + j, ldc, a + i * a_row, a_row, a_column, b + j, ldb, k);
        }
        for (; i + 2 <= m; i += 2) {
            product_rows(2, c + i * ldc + j, ldc, a + i * a_row, a_row, a_column, b + j, ldb, k);
        }
        for (; i < m; i++) {
            product_rows(1, c + i * ldc + j, ldc, a + i * a_row, a_row, a_column, b + j, ldb, k);
        }
    }
}

/// The operations of adamw_values in their order, so that a value's bits do not depend on its
/// place.
LEVEL static void adamw(float *w, float *m, float *v, float *gradient, ptrdiff_t n,
                        const sk_adamw *rule) {
    const sk_adamw a = *rule;
    const float step = a.rate / a.correction1, root = sqrtf(a.correction2);
    ptrdiff_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH) {
        const sk_v g = sk_load(gradient + i) * a.gradient_scale;
        sk_v first = sk_load(m + i), second = sk_load(v + i);
        first += (1 - a.beta1) * (g - first);
        second = a.beta2 * second + (1 - a.beta2) * g * g;
        const sk_v below = __builtin_elementwise_sqrt(second) / root + a.epsilon;
        sk_store(w + i, sk_load(w + i) * (1 - a.rate * a.decay) - step * first / below);
        sk_store(m + i, first);
        sk_store(v + i, second);
        sk_store(gradient + i, (sk_v){0});
    }
    adamw_values(w + i, m + i, v + i, gradient + i, n - i, rule);
}

#include "learning_table.h"
