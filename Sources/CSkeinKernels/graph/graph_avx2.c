#include "graph.h"

#if defined(SK_X86)
#include "../elementwise/math_avx2.h"

/// One context vector against `n` outputs, n known where this is inlined.
SK_INLINE SK_TARGET_AVX2 void group(float *u, float *const *rows, const ptrdiff_t n,
                                    ptrdiff_t width, float positives, float rate) {
    sk_f8 sums[SK_SKIPGRAM_GROUP];
    for (ptrdiff_t j = 0; j < n; j++) {
        sums[j] = _mm256_setzero_ps();
    }
    for (ptrdiff_t i = 0; i < width; i += 8) {
        sk_f8 x = _mm256_loadu_ps(u + i);
        for (ptrdiff_t j = 0; j < n; j++) {
            sums[j] = _mm256_fmadd_ps(x, _mm256_loadu_ps(rows[j] + i), sums[j]);
        }
    }
    float scores[8] = {0};
    for (ptrdiff_t j = 0; j < n; j++) {
        scores[j] = sk_sum8(sums[j]);
    }
    sk_f8 e = sk_exp8(_mm256_xor_ps(_mm256_loadu_ps(scores), sk_all8(-0.0f)));
    sk_f8 label = _mm256_setr_ps(positives, 0, 0, 0, 0, 0, 0, 0);
    sk_f8 error = _mm256_sub_ps(label, _mm256_div_ps(sk_all8(1), _mm256_add_ps(sk_all8(1), e)));
    _mm256_storeu_ps(scores, _mm256_mul_ps(sk_all8(rate), error));
    sk_f8 gradients[SK_SKIPGRAM_GROUP];
    for (ptrdiff_t j = 0; j < n; j++) {
        gradients[j] = sk_all8(scores[j]);
    }
    for (ptrdiff_t i = 0; i < width; i += 8) {
        sk_f8 x = _mm256_loadu_ps(u + i);
        sk_f8 moved = x;
        for (ptrdiff_t j = 0; j < n; j++) {
            sk_f8 v = _mm256_loadu_ps(rows[j] + i);
            moved = _mm256_fmadd_ps(gradients[j], v, moved);
            _mm256_storeu_ps(rows[j] + i, _mm256_fmadd_ps(gradients[j], x, v));
        }
        _mm256_storeu_ps(u + i, moved);
    }
}

static SK_TARGET_AVX2 void skipgram(float *in, float *out, ptrdiff_t width, const int32_t *contexts,
                                    ptrdiff_t context_count, const int32_t *outputs,
                                    ptrdiff_t output_count, float rate) {
    for (ptrdiff_t first = 0; first < output_count; first += SK_SKIPGRAM_GROUP) {
        float *rows[SK_SKIPGRAM_GROUP];
        ptrdiff_t left = output_count - first;
        ptrdiff_t n = left < SK_SKIPGRAM_GROUP ? left : SK_SKIPGRAM_GROUP;
        for (ptrdiff_t j = 0; j < n; j++) {
            rows[j] = out + outputs[first + j] * width;
        }
        float positives = first == 0 ? 1 : 0;
        for (ptrdiff_t c = 0; c < context_count; c++) {
            float *u = in + contexts[c] * width;
            switch (n) {
            case 1:
                group(u, rows, 1, width, positives, rate);
                break;
            case 2:
                group(u, rows, 2, width, positives, rate);
                break;
            case 3:
                group(u, rows, 3, width, positives, rate);
                break;
            case 4:
                group(u, rows, 4, width, positives, rate);
                break;
            case 5:
                group(u, rows, 5, width, positives, rate);
                break;
            case 6:
                group(u, rows, 6, width, positives, rate);
                break;
            case 7:
                group(u, rows, 7, width, positives, rate);
                break;
            default:
                group(u, rows, 8, width, positives, rate);
                break;
            }
        }
    }
}

/// How many entries ahead the operand's rows are asked for; entries of rows lie side by side.
enum { SPARSE_AHEAD = 6 };

/// Columns i ..< i + 8 n of one row, kept in registers over the row's entries.
SK_INLINE SK_TARGET_AVX2 void strip(const sk_sparse *args, ptrdiff_t row, int64_t entries,
                                    ptrdiff_t i, const ptrdiff_t n, const int is_half) {
    ptrdiff_t width = args->width;
    ptrdiff_t bytes = is_half ? 2 : 4;
    const char *x = (is_half ? (const char *)args->halves : (const char *)args->x) + i * bytes;
    sk_f8 sums[10];
    for (ptrdiff_t k = 0; k < n; k++) {
        sums[k] = _mm256_setzero_ps();
    }
    for (int64_t e = args->offsets[row]; e < args->offsets[row + 1]; e++) {
        if (e + SPARSE_AHEAD < entries) {
            const char *ahead = x + args->targets[e + SPARSE_AHEAD] * width * bytes;
            for (ptrdiff_t k = 0; k < n * 8 * bytes; k += 64) {
                _mm_prefetch(ahead + k, _MM_HINT_T0);
            }
        }
        const char *other = x + args->targets[e] * width * bytes;
        sk_f8 value = sk_all8(args->values ? args->values[e] : 1);
        for (ptrdiff_t k = 0; k < n; k++) {
            sk_f8 eight = is_half ? _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)other + k))
                                  : _mm256_loadu_ps((const float *)other + 8 * k);
            sums[k] = _mm256_fmadd_ps(value, eight, sums[k]);
        }
    }
    sk_f8 scale = sk_all8(args->scale ? args->scale[row] : 1);
    for (ptrdiff_t k = 0; k < n; k++) {
        ptrdiff_t at = row * width + i + 8 * k;
        sk_f8 y = _mm256_mul_ps(sums[k], scale);
        if (args->own) {
            y = _mm256_fmadd_ps(sk_all8(args->own[row]), _mm256_loadu_ps(args->x + at), y);
        }
        if (args->first) {
            y = _mm256_fmadd_ps(sk_all8(args->first_factor), _mm256_loadu_ps(args->first + at), y);
        }
        if (args->second) {
            sk_f8 q = _mm256_loadu_ps(args->second + at);
            y = _mm256_fmadd_ps(sk_all8(args->second_factor), q, y);
        }
        _mm256_storeu_ps(args->y + at, y);
        if (args->sum) {
            sk_f8 sum = _mm256_loadu_ps(args->sum + at);
            sum = _mm256_fmadd_ps(sk_all8(args->sum_factor), y, sum);
            _mm256_storeu_ps(args->sum + at, sum);
        }
        if (args->y_halves) {
            __m128i halves = _mm256_cvtps_ph(y, _MM_FROUND_TO_NEAREST_INT);
            _mm_storeu_si128((__m128i *)(args->y_halves + at), halves);
        }
    }
}

SK_INLINE SK_TARGET_AVX2 void sparse_row(const sk_sparse *args, ptrdiff_t row, int64_t entries,
                                         const int is_half) {
    ptrdiff_t i = 0;
    // Sixteen left over from the sixty-fours join one of them.
    if (args->width % 64 == 16 && args->width > 16) {
        strip(args, row, entries, 0, 10, is_half);
        i = 80;
    }
    for (; i + 64 <= args->width; i += 64) {
        strip(args, row, entries, i, 8, is_half);
    }
    for (; i + 16 <= args->width; i += 16) {
        strip(args, row, entries, i, 2, is_half);
    }
    if (i < args->width) {
        strip(args, row, entries, i, 1, is_half);
    }
}

static SK_TARGET_AVX2 void sparse_times_dense(const sk_sparse *args, ptrdiff_t begin,
                                              ptrdiff_t end) {
    for (ptrdiff_t r = begin; r < end; r++) {
        if (args->halves) {
            sparse_row(args, r, args->offsets[end], 1);
        } else {
            sparse_row(args, r, args->offsets[end], 0);
        }
    }
}

/// Rows of a and b whose products are summed in single precision before they go to the doubles.
enum { GRAM_ROWS = 256 };

/// `m` columns of a against `8 n` of b over a few rows.
SK_INLINE SK_TARGET_AVX2 void gram_tile(double *g, const float *a, ptrdiff_t p, const float *b,
                                        ptrdiff_t q, ptrdiff_t rows, const ptrdiff_t m,
                                        const ptrdiff_t n) {
    sk_f8 sums[4][2];
    for (ptrdiff_t i = 0; i < m; i++) {
        for (ptrdiff_t j = 0; j < n; j++) {
            sums[i][j] = _mm256_setzero_ps();
        }
    }
    for (ptrdiff_t r = 0; r < rows; r++) {
        for (ptrdiff_t i = 0; i < m; i++) {
            sk_f8 value = sk_all8(a[r * p + i]);
            for (ptrdiff_t j = 0; j < n; j++) {
                sums[i][j] = _mm256_fmadd_ps(value, _mm256_loadu_ps(b + r * q + 8 * j), sums[i][j]);
            }
        }
    }
    for (ptrdiff_t i = 0; i < m; i++) {
        for (ptrdiff_t j = 0; j < n; j++) {
            float lanes[8];
            _mm256_storeu_ps(lanes, sums[i][j]);
            for (ptrdiff_t k = 0; k < 8; k++) {
                g[i * q + 8 * j + k] += lanes[k];
            }
        }
    }
}

static SK_TARGET_AVX2 void gram(double *g, const float *a, ptrdiff_t p, const float *b, ptrdiff_t q,
                                ptrdiff_t rows) {
    for (ptrdiff_t r = 0; r < rows; r += GRAM_ROWS) {
        ptrdiff_t count = rows - r < GRAM_ROWS ? rows - r : GRAM_ROWS;
        for (ptrdiff_t i = 0; i < p; i += 4) {
            // Of a matrix with itself only the upper half is summed.
            ptrdiff_t j = a == b && p == q ? i / 16 * 16 : 0;
            for (; j + 16 <= q; j += 16) {
                gram_tile(g + i * q + j, a + r * p + i, p, b + r * q + j, q, count, 4, 2);
            }
            if (j < q) {
                gram_tile(g + i * q + j, a + r * p + i, p, b + r * q + j, q, count, 4, 1);
            }
        }
    }
    for (ptrdiff_t i = 0; a == b && p == q && i < p; i++) {
        for (ptrdiff_t j = 0; j < i; j++) {
            g[i * q + j] = g[j * q + i];
        }
    }
}

/// `m` rows of x against `8 n` columns of w.
SK_INLINE SK_TARGET_AVX2 void small_tile(float *y, const float *x, ptrdiff_t p, const float *w,
                                         ptrdiff_t q, const ptrdiff_t m, const ptrdiff_t n) {
    sk_f8 sums[4][2];
    for (ptrdiff_t r = 0; r < m; r++) {
        for (ptrdiff_t j = 0; j < n; j++) {
            sums[r][j] = _mm256_setzero_ps();
        }
    }
    for (ptrdiff_t i = 0; i < p; i++) {
        for (ptrdiff_t r = 0; r < m; r++) {
            sk_f8 value = sk_all8(x[r * p + i]);
            for (ptrdiff_t j = 0; j < n; j++) {
                sums[r][j] = _mm256_fmadd_ps(value, _mm256_loadu_ps(w + i * q + 8 * j), sums[r][j]);
            }
        }
    }
    for (ptrdiff_t r = 0; r < m; r++) {
        for (ptrdiff_t j = 0; j < n; j++) {
            _mm256_storeu_ps(y + r * q + 8 * j, sums[r][j]);
        }
    }
}

static SK_TARGET_AVX2 void tall_times_small(float *y, const float *x, ptrdiff_t p, const float *w,
                                            ptrdiff_t q, ptrdiff_t rows) {
    for (ptrdiff_t j = 0; j < q; j += 16) {
        ptrdiff_t r = 0;
        for (; r + 4 <= rows && j + 16 <= q; r += 4) {
            small_tile(y + r * q + j, x + r * p, p, w + j, q, 4, 2);
        }
        for (; r < rows; r++) {
            if (j + 16 <= q) {
                small_tile(y + r * q + j, x + r * p, p, w + j, q, 1, 2);
            } else {
                small_tile(y + r * q + j, x + r * p, p, w + j, q, 1, 1);
            }
        }
    }
}

void sk_graph_avx2(sk_kernels *table) {
    table->skipgram = skipgram;
    table->sparse_times_dense = sparse_times_dense;
    table->gram = gram;
    table->tall_times_small = tall_times_small;
}
#endif
