#ifndef SK_ATTENTION_BACKWARD_H
#define SK_ATTENTION_BACKWARD_H

#include "learning.h"

enum { EDGE = 64 }; ///< rows and keys of a block

SK_INLINE ptrdiff_t padded_head(ptrdiff_t head_dim) { return (head_dim + 15) / 16 * 16; }

/// What one call keeps in its scratch. Blocks are [EDGE][wide], with zeros beyond the head.
typedef struct block_scratch {
    ptrdiff_t wide;
    float *q, *dy, *dq, *k, *v, *gradient; ///< blocks of rows
    float *across;                         ///< keys or values as columns, [wide][EDGE]
    float *p, *dp;                         ///< [EDGE][EDGE]
    float total[EDGE], drift[EDGE];        ///< each row's log of its sum, and y · dy
} block_scratch;

SK_INLINE ptrdiff_t attention_scratch_of(ptrdiff_t head_dim) {
    return 7 * EDGE * padded_head(head_dim) + 2 * EDGE * EDGE;
}

SK_INLINE block_scratch scratch_at(float *base, ptrdiff_t head_dim) {
    const ptrdiff_t wide = padded_head(head_dim), block = EDGE * wide;
    return (block_scratch){
        .wide = wide,
        .q = base,
        .dy = base + block,
        .dq = base + 2 * block,
        .k = base + 3 * block,
        .v = base + 4 * block,
        .gradient = base + 5 * block,
        .across = base + 6 * block,
        .p = base + 7 * block,
        .dp = base + 7 * block + EDGE * EDGE,
    };
}

/// Copies rows into a block; rows and columns beyond are zero.
SK_INLINE void load_block(float *block, ptrdiff_t wide, const float *x, ptrdiff_t stride,
                          ptrdiff_t rows, ptrdiff_t width) {
    memset(block, 0, (size_t)(EDGE * wide) * sizeof(float));
    for (ptrdiff_t r = 0; r < rows; r++) {
        memcpy(block + r * wide, x + r * stride, (size_t)width * sizeof(float));
    }
}

SK_INLINE void add_block(float *x, ptrdiff_t stride, const float *block, ptrdiff_t wide,
                         ptrdiff_t rows, ptrdiff_t width) {
    for (ptrdiff_t r = 0; r < rows; r++) {
        for (ptrdiff_t i = 0; i < width; i++) {
            x[r * stride + i] += block[r * wide + i];
        }
    }
}

/// Fills the scores of keys first ..< first + EDGE that a row does not see.
SK_INLINE void fill_hidden(float *scores, float value, const sk_attention_backward *a,
                           ptrdiff_t row, ptrdiff_t first) {
    ptrdiff_t seen = 0;
    for (int32_t i = a->range_offsets[row]; i < a->range_offsets[row + 1]; i++) {
        ptrdiff_t begin = a->ranges[i].begin - first, end = a->ranges[i].end - first;
        begin = begin < 0 ? 0 : begin > EDGE ? EDGE : begin;
        end = end < 0 ? 0 : end > EDGE ? EDGE : end;
        for (; seen < begin; seen++) {
            scores[seen] = value;
        }
        seen = end > seen ? end : seen;
    }
    for (; seen < EDGE; seen++) {
        scores[seen] = value;
    }
}

/// Whether any of the rows sees any of the keys.
SK_INLINE int is_seen(const sk_attention_backward *a, ptrdiff_t row, ptrdiff_t rows,
                      ptrdiff_t first) {
    for (int32_t i = a->range_offsets[row]; i < a->range_offsets[row + rows]; i++) {
        if (a->ranges[i].begin < first + EDGE && a->ranges[i].end > first) {
            return 1;
        }
    }
    return 0;
}

/// p = the scaled scores of a block's rows against the keys in `across`.
SK_INLINE void score_block(const sk_attention_backward *a, block_scratch *s, ptrdiff_t rows,
                           sk_block_product *product) {
    memset(s->p, 0, EDGE * EDGE * sizeof(float));
    product(s->p, EDGE, s->q, s->wide, 1, s->across, EDGE, rows, EDGE, a->head_dim);
    for (ptrdiff_t i = 0; i < rows * EDGE; i++) {
        s->p[i] *= a->scale;
    }
}

/// Each row's log of the sum of the exponentials of its scores.
SK_INLINE void total_rows(const sk_attention_backward *a, block_scratch *s, const float *keys,
                          ptrdiff_t row, ptrdiff_t rows, sk_block_product *product,
                          sk_row_map *exp) {
    float most[EDGE], sums[EDGE] = {0};
    for (int r = 0; r < EDGE; r++) {
        most[r] = -INFINITY;
    }
    for (ptrdiff_t first = 0; first < a->rows; first += EDGE) {
        if (!is_seen(a, row, rows, first)) {
            continue;
        }
        const ptrdiff_t count = a->rows - first < EDGE ? a->rows - first : EDGE;
        load_block(s->k, s->wide, keys + first * a->x_stride, a->x_stride, count, a->head_dim);
        transpose_plain(s->across, EDGE, s->k, s->wide, EDGE, a->head_dim);
        score_block(a, s, rows, product);
        for (ptrdiff_t r = 0; r < rows; r++) {
            float *scores = s->p + r * EDGE, best = most[r];
            fill_hidden(scores, -INFINITY, a, row + r, first);
            for (int i = 0; i < EDGE; i++) {
                best = scores[i] > best ? scores[i] : best;
            }
            if (best == -INFINITY) {
                continue;
            }
            for (int i = 0; i < EDGE; i++) {
                scores[i] -= best;
            }
            exp(scores, scores, EDGE);
            fill_hidden(scores, 0, a, row + r, first);
            sums[r] = sums[r] * expf(most[r] - best) + shifted_dot(scores, 0, NULL, EDGE);
            most[r] = best;
        }
    }
    for (ptrdiff_t r = 0; r < EDGE; r++) {
        s->total[r] = sums[r] > 0 ? most[r] + logf(sums[r]) : 0;
    }
}

/// One block of rows against one block of keys.
SK_INLINE void meet_block(const sk_attention_backward *a, block_scratch *s, ptrdiff_t row,
                          ptrdiff_t rows, ptrdiff_t first, ptrdiff_t key_at, ptrdiff_t value_at,
                          sk_block_product *product, sk_row_map *exp) {
    const ptrdiff_t count = a->rows - first < EDGE ? a->rows - first : EDGE;
    const ptrdiff_t d = a->head_dim, wide = s->wide, stride = a->x_stride;
    load_block(s->k, wide, a->x + first * stride + key_at, stride, count, d);
    load_block(s->v, wide, a->x + first * stride + value_at, stride, count, d);
    transpose_plain(s->across, EDGE, s->k, wide, EDGE, d);
    score_block(a, s, rows, product);
    for (ptrdiff_t r = 0; r < rows; r++) {
        float *scores = s->p + r * EDGE;
        for (int i = 0; i < EDGE; i++) {
            scores[i] -= s->total[r];
        }
        exp(scores, scores, EDGE);
        fill_hidden(scores, 0, a, row + r, first);
    }
    // dV += Pᵀ dY
    memset(s->gradient, 0, (size_t)(EDGE * wide) * sizeof(float));
    product(s->gradient, wide, s->p, 1, EDGE, s->dy, wide, EDGE, wide, rows);
    add_block(a->dx + first * stride + value_at, stride, s->gradient, wide, count, d);
    // dP = dY Vᵀ; dS = P (dP - y · dy) scale
    transpose_plain(s->across, EDGE, s->v, wide, EDGE, d);
    memset(s->dp, 0, EDGE * EDGE * sizeof(float));
    product(s->dp, EDGE, s->dy, wide, 1, s->across, EDGE, rows, EDGE, d);
    for (ptrdiff_t r = 0; r < rows; r++) {
        for (int i = 0; i < EDGE; i++) {
            const ptrdiff_t at = r * EDGE + i;
            s->dp[at] = s->p[at] * (s->dp[at] - s->drift[r]) * a->scale;
        }
    }
    product(s->dq, wide, s->dp, EDGE, 1, s->k, wide, rows, wide, EDGE);
    // dK += dSᵀ Q
    memset(s->gradient, 0, (size_t)(EDGE * wide) * sizeof(float));
    product(s->gradient, wide, s->dp, 1, EDGE, s->q, wide, EDGE, wide, rows);
    add_block(a->dx + first * stride + key_at, stride, s->gradient, wide, count, d);
}

SK_INLINE void attention_head_backward(const sk_attention_backward *a, ptrdiff_t kv_head,
                                       sk_block_product *product, sk_row_map *exp) {
    block_scratch s = scratch_at(a->scratch, a->head_dim);
    const ptrdiff_t d = a->head_dim, group = a->heads / a->kv_heads, width = a->heads * d;
    const ptrdiff_t key_at = width + kv_head * d, value_at = key_at + a->kv_heads * d;
    for (ptrdiff_t r = 0; r < a->rows; r++) {
        memset(a->dx + r * a->x_stride + key_at, 0, (size_t)d * sizeof(float));
        memset(a->dx + r * a->x_stride + value_at, 0, (size_t)d * sizeof(float));
    }
    for (ptrdiff_t head = kv_head * group; head < (kv_head + 1) * group; head++) {
        for (ptrdiff_t row = 0; row < a->rows; row += EDGE) {
            const ptrdiff_t rows = a->rows - row < EDGE ? a->rows - row : EDGE;
            const ptrdiff_t at = row * width + head * d;
            load_block(s.q, s.wide, a->x + row * a->x_stride + head * d, a->x_stride, rows, d);
            load_block(s.dy, s.wide, a->dy + at, width, rows, d);
            memset(s.dq, 0, (size_t)(EDGE * s.wide) * sizeof(float));
            for (ptrdiff_t r = 0; r < rows; r++) {
                s.drift[r] = dot(a->y + at + r * width, a->dy + at + r * width, d);
            }
            total_rows(a, &s, a->x + key_at, row, rows, product, exp);
            for (ptrdiff_t first = 0; first < a->rows; first += EDGE) {
                if (is_seen(a, row, rows, first)) {
                    meet_block(a, &s, row, rows, first, key_at, value_at, product, exp);
                }
            }
            for (ptrdiff_t r = 0; r < rows; r++) {
                memcpy(a->dx + (row + r) * a->x_stride + head * d, s.dq + r * s.wide,
                       (size_t)d * sizeof(float));
            }
        }
    }
}

#endif
