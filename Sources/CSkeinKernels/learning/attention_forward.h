#ifndef SK_ATTENTION_FORWARD_H
#define SK_ATTENTION_FORWARD_H

#include "attention_blocks.h"

/// What one row block keeps while blocks of keys pass.
typedef struct running_rows {
    float most[EDGE], sum[EDGE];
    float *scores; ///< [EDGE][EDGE]
    float *y;      ///< [EDGE][wide]
} running_rows;

/// Scores become probabilities before their division; what the rows hold is brought to their scale.
SK_INLINE void soften(running_rows *run, ptrdiff_t wide, sight seen, ptrdiff_t row, ptrdiff_t rows,
                      ptrdiff_t first, sk_row_map *exp) {
    for (ptrdiff_t r = 0; r < rows; r++) {
        float *scores = run->scores + r * EDGE;
        fill_hidden(scores, -INFINITY, seen, row + r, first);
        const float best = largest(scores, EDGE, run->most[r]);
        if (best == -INFINITY) {
            memset(scores, 0, EDGE * sizeof(float));
            continue;
        }
        for (int i = 0; i < EDGE; i++) {
            scores[i] -= best;
        }
        exp(scores, scores, EDGE);
        fill_hidden(scores, 0, seen, row + r, first);
        if (best > run->most[r]) {
            const float share = expf(run->most[r] - best);
            run->sum[r] *= share;
            for (ptrdiff_t i = 0; i < wide; i++) {
                run->y[r * wide + i] *= share;
            }
            run->most[r] = best;
        }
        run->sum[r] += shifted_dot(scores, 0, NULL, EDGE);
    }
}

SK_INLINE void attention_rows(const sk_attention_learning *a, running_rows *run, ptrdiff_t head,
                              ptrdiff_t row, const float *q, const float *across,
                              const float *values, ptrdiff_t wide, block_steps steps) {
    const ptrdiff_t rows = height_at(a->rows, row), d = a->head_dim;
    const sight seen = {a->range_offsets, a->ranges};
    memset(run->y, 0, (size_t)(EDGE * wide) * sizeof(float));
    for (int r = 0; r < EDGE; r++) {
        run->most[r] = -INFINITY;
        run->sum[r] = 0;
    }
    for (ptrdiff_t first = 0; first < a->rows; first += EDGE) {
        if (!is_seen(seen, row, rows, first)) {
            continue;
        }
        memset(run->scores, 0, EDGE * EDGE * sizeof(float));
        steps.product(run->scores, EDGE, q, wide, 1, across + first * wide, EDGE, rows, EDGE, d);
        soften(run, wide, seen, row, rows, first, steps.exp);
        steps.product(run->y, wide, run->scores, EDGE, 1, values + first * wide, wide, rows, wide,
                      EDGE);
    }
    for (ptrdiff_t r = 0; r < rows; r++) {
        const float sum = run->sum[r], share = sum > 0 ? 1 / sum : 0;
        float *y = a->y + ((row + r) * a->heads + head) * d;
        for (ptrdiff_t i = 0; i < d; i++) {
            y[i] = run->y[r * wide + i] * share;
        }
        a->totals[(row + r) * a->heads + head] = sum > 0 ? run->most[r] + logf(sum) : 0;
    }
}

SK_INLINE void attention_head_forward(const sk_attention_learning *a, ptrdiff_t kv_head,
                                      block_steps steps) {
    const ptrdiff_t d = a->head_dim, group = a->heads / a->kv_heads, width = a->heads * d;
    const ptrdiff_t wide = padded_head(d), all = padded_rows(a->rows);
    float *keys = a->scratch, *across = keys + all * wide, *values = across + all * wide;
    float *q = values + all * wide;
    running_rows run = {.scores = q + EDGE * wide, .y = q + EDGE * wide + EDGE * EDGE};
    const float *x = a->x + width + kv_head * d;
    load_rows(keys, wide, x, a->x_stride, a->rows, d, 1);
    load_rows(values, wide, x + a->kv_heads * d, a->x_stride, a->rows, d, 1);
    for (ptrdiff_t first = 0; first < a->rows; first += EDGE) {
        steps.transpose(across + first * wide, EDGE, keys + first * wide, wide, EDGE, wide);
    }
    for (ptrdiff_t head = kv_head * group; head < (kv_head + 1) * group; head++) {
        for (ptrdiff_t row = 0; row < a->rows; row += EDGE) {
            load_rows(q, wide, a->x + row * a->x_stride + head * d, a->x_stride,
                      height_at(a->rows, row), d, a->scale);
            attention_rows(a, &run, head, row, q, across, values, wide, steps);
        }
    }
}

#endif
