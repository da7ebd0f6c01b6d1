// The work of graph embedding, written once for all levels with vectors. Widths are multiples of
// eight, so the last vector of a level may be cut to eight values.

#include "../vector/math.h"

enum { EIGHT = 8 };

/// The vector at i of rows of `width` values.
SK_INLINE LEVEL sk_v at(const float *x, ptrdiff_t i, ptrdiff_t width) {
    return WIDTH <= EIGHT || i + WIDTH <= width ? sk_load(x + i) : sk_load_first(x + i, EIGHT);
}

SK_INLINE LEVEL void set(float *y, ptrdiff_t i, ptrdiff_t width, sk_v v) {
    if (WIDTH <= EIGHT || i + WIDTH <= width) {
        sk_store(y + i, v);
    } else {
        sk_store_first(y + i, v, EIGHT);
    }
}

/// One context vector against `n` outputs, n known where this is inlined.
SK_INLINE LEVEL void group(float *u, float *const *rows, const ptrdiff_t n, ptrdiff_t width,
                           float positives, float rate) {
    sk_v sums[SK_SKIPGRAM_GROUP] = {0};
    for (ptrdiff_t i = 0; i < width; i += WIDTH) {
        const sk_v x = at(u, i, width);
        for (ptrdiff_t j = 0; j < n; j++) {
            sums[j] = FMA(x, at(rows[j], i, width), sums[j]);
        }
    }
    float scores[SK_SKIPGRAM_GROUP < WIDTH ? WIDTH : SK_SKIPGRAM_GROUP] = {0};
    for (ptrdiff_t j = 0; j < n; j++) {
        scores[j] = sk_sum(sums[j]);
    }
    for (ptrdiff_t j = 0; j < n; j += WIDTH) {
        const sk_v share = 1.0f / (1.0f + sk_exp(-sk_load(scores + j)));
        sk_v label = {j == 0 ? positives : 0};
        sk_store(scores + j, rate * (label - share));
    }
    sk_v gradients[SK_SKIPGRAM_GROUP];
    for (ptrdiff_t j = 0; j < n; j++) {
        gradients[j] = ALL(scores[j]);
    }
    for (ptrdiff_t i = 0; i < width; i += WIDTH) {
        const sk_v x = at(u, i, width);
        sk_v moved = x;
        for (ptrdiff_t j = 0; j < n; j++) {
            const sk_v v = at(rows[j], i, width);
            moved = FMA(gradients[j], v, moved);
            set(rows[j], i, width, FMA(gradients[j], x, v));
        }
        set(u, i, width, moved);
    }
}

LEVEL static void skipgram(float *in, float *out, ptrdiff_t width, const int32_t *contexts,
                           ptrdiff_t context_count, const int32_t *outputs, ptrdiff_t output_count,
                           float rate) {
    for (ptrdiff_t first = 0; first < output_count; first += SK_SKIPGRAM_GROUP) {
        float *rows[SK_SKIPGRAM_GROUP];
        const ptrdiff_t left = output_count - first;
        const ptrdiff_t n = left < SK_SKIPGRAM_GROUP ? left : SK_SKIPGRAM_GROUP;
        for (ptrdiff_t j = 0; j < n; j++) {
            rows[j] = out + outputs[first + j] * width;
        }
        const float positives = first == 0 ? 1 : 0;
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

/// The vector at i of rows of `width` halves.
SK_INLINE LEVEL sk_v half_at(const uint16_t *x, ptrdiff_t i, ptrdiff_t width) {
    if (WIDTH <= EIGHT || i + WIDTH <= width) {
        return sk_widen(SK_F16, x + i);
    }
    uint16_t lanes[WIDTH] = {0};
    memcpy(lanes, x + i, EIGHT * sizeof *x);
    return sk_widen(SK_F16, lanes);
}

SK_INLINE LEVEL void set_half(uint16_t *y, ptrdiff_t i, ptrdiff_t width, sk_v v) {
    const sk_vh halves = __builtin_convertvector(v, sk_vh);
    const size_t count = WIDTH <= EIGHT || i + WIDTH <= width ? WIDTH : EIGHT;
    memcpy(y + i, &halves, count * sizeof *y);
}

/// How many entries ahead the operand's rows are asked for; entries of rows lie side by side.
enum { SPARSE_AHEAD = 6 };

/// What follows the product, for one vector of a row.
SK_INLINE LEVEL void finish(const sk_sparse *args, ptrdiff_t row, ptrdiff_t i, sk_v product) {
    const ptrdiff_t width = args->width, start = row * width;
    sk_v y = product * ALL(args->scale ? args->scale[row] : 1.0f);
    if (args->own) {
        y = FMA(ALL(args->own[row]), at(args->x + start, i, width), y);
    }
    if (args->first) {
        y = FMA(ALL(args->first_factor), at(args->first + start, i, width), y);
    }
    if (args->second) {
        y = FMA(ALL(args->second_factor), at(args->second + start, i, width), y);
    }
    set(args->y + start, i, width, y);
    if (args->sum) {
        const sk_v sum = at(args->sum + start, i, width);
        set(args->sum + start, i, width, FMA(ALL(args->sum_factor), y, sum));
    }
    if (args->y_halves) {
        set_half(args->y_halves + start, i, width, y);
    }
}

/// `n` vectors of one row from column `i` on, kept in registers over the row's entries.
SK_INLINE LEVEL void strip(const sk_sparse *args, ptrdiff_t row, int64_t entries, ptrdiff_t i,
                           const int n, const int is_half) {
    const ptrdiff_t width = args->width, bytes = is_half ? 2 : 4;
    const char *x = is_half ? (const char *)args->halves : (const char *)args->x;
    sk_v sums[80 / WIDTH] = {0};
    for (int64_t e = args->offsets[row]; e < args->offsets[row + 1]; e++) {
        if (e + SPARSE_AHEAD < entries) {
            const char *ahead = x + (args->targets[e + SPARSE_AHEAD] * width + i) * bytes;
            for (ptrdiff_t k = 0; k < n * WIDTH * bytes; k += 64) {
                __builtin_prefetch(ahead + k);
            }
        }
        const ptrdiff_t other = args->targets[e] * width;
        const sk_v value = ALL(args->values ? args->values[e] : 1.0f);
        for (int v = 0; v < n; v++) {
            const ptrdiff_t column = i + v * WIDTH;
            const sk_v some = is_half ? half_at(args->halves + other, column, width)
                                      : at(args->x + other, column, width);
            sums[v] = FMA(value, some, sums[v]);
        }
    }
    for (int v = 0; v < n; v++) {
        finish(args, row, i + v * WIDTH, sums[v]);
    }
}

SK_INLINE LEVEL void sparse_row(const sk_sparse *args, ptrdiff_t row, int64_t entries,
                                const int is_half) {
    ptrdiff_t i = 0;
    // Sixteen left over from the sixty-fours join one of them.
    if (args->width % 64 == 16 && args->width > 16) {
        strip(args, row, entries, 0, 80 / WIDTH, is_half);
        i = 80;
    }
    for (; i + 64 <= args->width; i += 64) {
        strip(args, row, entries, i, 64 / WIDTH, is_half);
    }
    for (; i + 16 <= args->width; i += 16) {
        strip(args, row, entries, i, 16 / WIDTH, is_half);
    }
    if (i < args->width) {
        strip(args, row, entries, i, (7 + WIDTH) / WIDTH, is_half);
    }
}

LEVEL static void sparse_times_dense(const sk_sparse *args, ptrdiff_t begin, ptrdiff_t end) {
    for (ptrdiff_t r = begin; r < end; r++) {
        if (args->halves) {
            sparse_row(args, r, args->offsets[end], 1);
        } else {
            sparse_row(args, r, args->offsets[end], 0);
        }
    }
}

/// Rows of a and b whose products are summed in single precision before they go to the doubles.
enum { GRAM_ROWS = 256, STRIPS = 16 / WIDTH };

/// sums[m][16] = the products of m values, x[r * x_row + i * x_column], with the 16 (or eight, at
/// the end of a row) of w[r * q + j ...], over r.
SK_INLINE LEVEL void small_product(sk_v sums[4][STRIPS], const float *x, ptrdiff_t x_row,
                                   ptrdiff_t x_column, const float *w, ptrdiff_t j, ptrdiff_t q,
                                   ptrdiff_t rows, const int m, const int n) {
    for (int i = 0; i < m; i++) {
        for (int s = 0; s < n; s++) {
            sums[i][s] = (sk_v){0};
        }
    }
    for (ptrdiff_t r = 0; r < rows; r++) {
        for (int i = 0; i < m; i++) {
            const sk_v value = ALL(x[r * x_row + i * x_column]);
            for (int s = 0; s < n; s++) {
                sums[i][s] = FMA(value, at(w + r * q, j + s * WIDTH, q), sums[i][s]);
            }
        }
    }
}

/// Four columns of a against the 16 or eight columns of b from j on, over a few rows.
SK_INLINE LEVEL void gram_tile(double *g, const float *a, ptrdiff_t p, const float *b, ptrdiff_t j,
                               ptrdiff_t q, ptrdiff_t rows, const int n) {
    sk_v sums[4][STRIPS];
    small_product(sums, a, p, 1, b, j, q, rows, 4, n);
    for (ptrdiff_t i = 0; i < 4; i++) {
        for (int s = 0; s < n; s++) {
            float lanes[WIDTH];
            sk_store(lanes, sums[i][s]);
            for (ptrdiff_t l = 0; l < WIDTH && (WIDTH <= EIGHT || j + l < q); l++) {
                g[i * q + j + s * WIDTH + l] += (double)lanes[l];
            }
        }
    }
}

LEVEL static void gram(double *g, const float *a, ptrdiff_t p, const float *b, ptrdiff_t q,
                       ptrdiff_t rows) {
    for (ptrdiff_t r = 0; r < rows; r += GRAM_ROWS) {
        const ptrdiff_t count = rows - r < GRAM_ROWS ? rows - r : GRAM_ROWS;
        for (ptrdiff_t i = 0; i < p; i += 4) {
            // Of a matrix with itself only the upper half is summed.
            ptrdiff_t j = a == b && p == q ? i / 16 * 16 : 0;
            for (; j + 16 <= q; j += 16) {
                gram_tile(g + i * q, a + r * p + i, p, b + r * q, j, q, count, STRIPS);
            }
            if (j < q) {
                gram_tile(g + i * q, a + r * p + i, p, b + r * q, j, q, count, (7 + WIDTH) / WIDTH);
            }
        }
    }
    for (ptrdiff_t i = 0; a == b && p == q && i < p; i++) {
        for (ptrdiff_t j = 0; j < i; j++) {
            g[i * q + j] = g[j * q + i];
        }
    }
}

/// `m` rows of x against the 16 or eight columns of w from j on.
SK_INLINE LEVEL void small_tile(float *y, const float *x, ptrdiff_t p, const float *w, ptrdiff_t j,
                                ptrdiff_t q, const int m, const int n) {
    sk_v sums[4][STRIPS];
    small_product(sums, x, 1, p, w, j, q, p, m, n);
    for (int i = 0; i < m; i++) {
        for (int s = 0; s < n; s++) {
            set(y + i * q, j + s * WIDTH, q, sums[i][s]);
        }
    }
}

LEVEL static void tall_times_small(float *y, const float *x, ptrdiff_t p, const float *w,
                                   ptrdiff_t q, ptrdiff_t rows) {
    for (ptrdiff_t j = 0; j < q; j += 16) {
        ptrdiff_t r = 0;
        for (; r + 4 <= rows && j + 16 <= q; r += 4) {
            small_tile(y + r * q, x + r * p, p, w, j, q, 4, STRIPS);
        }
        for (; r < rows; r++) {
            if (j + 16 <= q) {
                small_tile(y + r * q, x + r * p, p, w, j, q, 1, STRIPS);
            } else {
                small_tile(y + r * q, x + r * p, p, w, j, q, 1, (7 + WIDTH) / WIDTH);
            }
        }
    }
}

#include "graph_table.h"
