#include "graph.h"

#include "../convert/half.h"

#include <math.h>

static void skipgram_group(float *u, float *out, ptrdiff_t width, const int32_t *outputs,
                           ptrdiff_t count, ptrdiff_t positives, float rate) {
    float gradients[SK_SKIPGRAM_GROUP];
    for (ptrdiff_t j = 0; j < count; j++) {
        const float *v = out + outputs[j] * width;
        float score = 0;
        for (ptrdiff_t i = 0; i < width; i++) {
            score += u[i] * v[i];
        }
        gradients[j] = rate * ((j < positives ? 1.0f : 0.0f) - 1.0f / (1.0f + expf(-score)));
    }
    for (ptrdiff_t i = 0; i < width; i++) {
        float step = 0;
        for (ptrdiff_t j = 0; j < count; j++) {
            float *v = out + outputs[j] * width + i;
            step += gradients[j] * *v;
            *v += gradients[j] * u[i];
        }
        u[i] += step;
    }
}

static void skipgram(float *in, float *out, ptrdiff_t width, const int32_t *contexts,
                     ptrdiff_t context_count, const int32_t *outputs, ptrdiff_t output_count,
                     float rate) {
    for (ptrdiff_t j = 0; j < output_count; j += SK_SKIPGRAM_GROUP) {
        ptrdiff_t left = output_count - j;
        ptrdiff_t count = left < SK_SKIPGRAM_GROUP ? left : SK_SKIPGRAM_GROUP;
        for (ptrdiff_t c = 0; c < context_count; c++) {
            skipgram_group(in + contexts[c] * width, out, width, outputs + j, count, j == 0, rate);
        }
    }
}

/// Columns i ..< i + 8 of one row of A x.
static void sparse_eight(float *sums, const sk_sparse *args, ptrdiff_t row, ptrdiff_t i) {
    for (int k = 0; k < 8; k++) {
        sums[k] = 0;
    }
    for (int64_t e = args->offsets[row]; e < args->offsets[row + 1]; e++) {
        ptrdiff_t other = args->targets[e] * args->width + i;
        float value = args->values ? args->values[e] : 1;
        for (int k = 0; k < 8; k++) {
            float x = args->halves ? sk_half_to_float(args->halves[other + k]) : args->x[other + k];
            sums[k] += value * x;
        }
    }
}

static void sparse_times_dense(const sk_sparse *args, ptrdiff_t begin, ptrdiff_t end) {
    for (ptrdiff_t r = begin; r < end; r++) {
        float scale = args->scale ? args->scale[r] : 1;
        for (ptrdiff_t i = 0; i < args->width; i += 8) {
            float sums[8];
            sparse_eight(sums, args, r, i);
            for (int k = 0; k < 8; k++) {
                ptrdiff_t at = r * args->width + i + k;
                float y = scale * sums[k];
                y += args->own ? args->own[r] * args->x[at] : 0;
                y += args->first ? args->first_factor * args->first[at] : 0;
                y += args->second ? args->second_factor * args->second[at] : 0;
                args->y[at] = y;
                if (args->sum) {
                    args->sum[at] += args->sum_factor * y;
                }
                if (args->y_halves) {
                    args->y_halves[at] = sk_float_to_half(y);
                }
            }
        }
    }
}

static void gram(double *g, const float *a, ptrdiff_t p, const float *b, ptrdiff_t q,
                 ptrdiff_t rows) {
    for (ptrdiff_t r = 0; r < rows; r++) {
        for (ptrdiff_t i = 0; i < p; i++) {
            double value = a[r * p + i];
            for (ptrdiff_t j = 0; j < q; j++) {
                g[i * q + j] += value * b[r * q + j];
            }
        }
    }
}

static void tall_times_small(float *y, const float *x, ptrdiff_t p, const float *w, ptrdiff_t q,
                             ptrdiff_t rows) {
    for (ptrdiff_t r = 0; r < rows; r++) {
        float *row = y + r * q;
        for (ptrdiff_t j = 0; j < q; j++) {
            row[j] = 0;
        }
        for (ptrdiff_t i = 0; i < p; i++) {
            for (ptrdiff_t j = 0; j < q; j++) {
                row[j] += x[r * p + i] * w[i * q + j];
            }
        }
    }
}

#include "graph_table.h"

void sk_fill_graph(sk_kernels *table) {
    fill_table(table);
    SK_FILL_LEVEL(graph, table);
}
