#ifndef SK_ATTENTION_BACKWARD_H
#define SK_ATTENTION_BACKWARD_H

#include "attention_blocks.h"

/// What one head keeps: its rows, scaled queries among them, and one block of keys at a time.
typedef struct head_scratch {
    ptrdiff_t wide;
    float *q, *dy, *dq;                       ///< all rows, [rows][wide]
    float *total, *drift;                     ///< each row's log of its sum, and y · dy
    float *k, *k_across, *v_across, *dk, *dv; ///< [EDGE][wide], [wide][EDGE]
    float *p, *dp;                            ///< [EDGE][EDGE]
} head_scratch;

SK_INLINE head_scratch scratch_at(float *base, ptrdiff_t rows, ptrdiff_t head_dim) {
    const ptrdiff_t wide = padded_head(head_dim), all = padded_rows(rows);
    const ptrdiff_t head = all * wide, block = EDGE * wide;
    float *blocks = base + 3 * head, *scores = blocks + 5 * block;
    return (head_scratch){
        .wide = wide,
        .q = base,
        .dy = base + head,
        .dq = base + 2 * head,
        .k = blocks,
        .k_across = blocks + block,
        .v_across = blocks + 2 * block,
        .dk = blocks + 3 * block,
        .dv = blocks + 4 * block,
        .p = scores,
        .dp = scores + EDGE * EDGE,
        .total = scores + 2 * EDGE * EDGE,
        .drift = scores + 2 * EDGE * EDGE + all,
    };
}

/// A block of rows against the block of keys that the scratch holds.
SK_INLINE void meet_block(const sk_attention_learning *a, const head_scratch *s, ptrdiff_t row,
                          ptrdiff_t first, block_steps steps) {
    const ptrdiff_t rows = height_at(a->rows, row), count = height_at(a->rows, first);
    const ptrdiff_t d = a->head_dim, wide = s->wide;
    const sight seen = {a->range_offsets, a->ranges};
    const float *q = s->q + row * wide, *dy = s->dy + row * wide;
    memset(s->p, 0, EDGE * EDGE * sizeof(float));
    steps.product(s->p, EDGE, q, wide, 1, s->k_across, EDGE, rows, EDGE, d);
    // dP = dY Vᵀ
    memset(s->dp, 0, EDGE * EDGE * sizeof(float));
    steps.product(s->dp, EDGE, dy, wide, 1, s->v_across, EDGE, rows, EDGE, d);
    for (ptrdiff_t r = 0; r < rows; r++) {
        float *p = s->p + r * EDGE, *dp = s->dp + r * EDGE;
        const float total = s->total[row + r], drift = s->drift[row + r];
        for (int i = 0; i < EDGE; i++) {
            p[i] -= total;
        }
        steps.exp(p, p, EDGE);
        fill_hidden(p, 0, seen, row + r, first);
        // dS = P (dP - y · dy)
        for (int i = 0; i < EDGE; i++) {
            dp[i] = p[i] * (dp[i] - drift);
        }
        fill_hidden(dp, 0, seen, row + r, first);
    }
    // dV += Pᵀ dY; dK += dSᵀ Q; dQ += dS K
    steps.product(s->dv, wide, s->p, 1, EDGE, dy, wide, count, wide, rows);
    steps.product(s->dk, wide, s->dp, 1, EDGE, q, wide, count, wide, rows);
    steps.product(s->dq + row * wide, wide, s->dp, EDGE, 1, s->k, wide, rows, wide, count);
}

/// One query head: its own gradient is set, its keys' and values' grow.
SK_INLINE void query_head_backward(const sk_attention_learning *a, const head_scratch *s,
                                   ptrdiff_t head, ptrdiff_t key_at, ptrdiff_t value_at,
                                   block_steps steps) {
    const ptrdiff_t d = a->head_dim, width = a->heads * d, stride = a->x_stride, wide = s->wide;
    const sight seen = {a->range_offsets, a->ranges};
    load_rows(s->q, wide, a->x + head * d, stride, a->rows, d, a->scale);
    load_rows(s->dy, wide, a->dy + head * d, width, a->rows, d, 1);
    memset(s->dq, 0, (size_t)(padded_rows(a->rows) * wide) * sizeof(float));
    for (ptrdiff_t r = 0; r < a->rows; r++) {
        const ptrdiff_t at = r * width + head * d;
        s->drift[r] = dot(a->y + at, a->dy + at, d);
        s->total[r] = a->totals[r * a->heads + head];
    }
    for (ptrdiff_t first = 0; first < a->rows; first += EDGE) {
        const ptrdiff_t count = height_at(a->rows, first);
        load_rows(s->dv, wide, a->x + first * stride + value_at, stride, count, d, 1);
        steps.transpose(s->v_across, EDGE, s->dv, wide, EDGE, wide);
        load_rows(s->k, wide, a->x + first * stride + key_at, stride, count, d, 1);
        steps.transpose(s->k_across, EDGE, s->k, wide, EDGE, wide);
        memset(s->dk, 0, (size_t)(EDGE * wide) * sizeof(float));
        memset(s->dv, 0, (size_t)(EDGE * wide) * sizeof(float));
        for (ptrdiff_t row = 0; row < a->rows; row += EDGE) {
            if (is_seen(seen, row, height_at(a->rows, row), first)) {
                meet_block(a, s, row, first, steps);
            }
        }
        add_rows(a->dx + first * stride + value_at, stride, s->dv, wide, count, d);
        add_rows(a->dx + first * stride + key_at, stride, s->dk, wide, count, d);
    }
    for (ptrdiff_t r = 0; r < a->rows; r++) {
        for (ptrdiff_t i = 0; i < d; i++) {
            a->dx[r * stride + head * d + i] = s->dq[r * wide + i] * a->scale;
        }
    }
}

SK_INLINE void attention_head_backward(const sk_attention_learning *a, ptrdiff_t kv_head,
                                       block_steps steps) {
    const head_scratch s = scratch_at(a->scratch, a->rows, a->head_dim);
    const ptrdiff_t d = a->head_dim, group = a->heads / a->kv_heads;
    const ptrdiff_t key_at = (a->heads + kv_head) * d, value_at = key_at + a->kv_heads * d;
    for (ptrdiff_t r = 0; r < a->rows; r++) {
        memset(a->dx + r * a->x_stride + key_at, 0, (size_t)d * sizeof(float));
        memset(a->dx + r * a->x_stride + value_at, 0, (size_t)d * sizeof(float));
    }
    for (ptrdiff_t head = kv_head * group; head < (kv_head + 1) * group; head++) {
        query_head_backward(a, &s, head, key_at, value_at, steps);
    }
}

#endif
