#ifndef SK_ATTENTION_BLOCKS_H
#define SK_ATTENTION_BLOCKS_H

#include "learning.h"

enum { EDGE = 64 }; ///< rows and keys of a block

/// What a level gives to the walk over blocks.
typedef struct block_steps {
    sk_block_product *product;
    sk_row_map *exp;
    sk_transpose *transpose;
} block_steps;

SK_INLINE ptrdiff_t padded_head(ptrdiff_t head_dim) { return (head_dim + 15) / 16 * 16; }
SK_INLINE ptrdiff_t padded_rows(ptrdiff_t rows) { return (rows + EDGE - 1) / EDGE * EDGE; }

/// Four heads of all rows, six blocks of a head, two of scores and two numbers a row.
SK_INLINE ptrdiff_t attention_scratch_of(ptrdiff_t rows, ptrdiff_t head_dim) {
    const ptrdiff_t wide = padded_head(head_dim), all = padded_rows(rows);
    return 3 * all * wide + 5 * EDGE * wide + 2 * EDGE * EDGE + 2 * all;
}

/// Copies rows, times a factor, into rows of `wide`; rows and columns beyond are zero.
SK_INLINE void load_rows(float *block, ptrdiff_t wide, const float *x, ptrdiff_t stride,
                         ptrdiff_t rows, ptrdiff_t width, float factor) {
    for (ptrdiff_t r = 0; r < padded_rows(rows); r++) {
        float *to = block + r * wide;
        const ptrdiff_t count = r < rows ? width : 0;
        const float *from = x + (r < rows ? r * stride : 0);
        for (ptrdiff_t i = 0; i < count; i++) {
            to[i] = from[i] * factor;
        }
        memset(to + count, 0, (size_t)(wide - count) * sizeof(float));
    }
}

SK_INLINE void add_rows(float *x, ptrdiff_t stride, const float *block, ptrdiff_t wide,
                        ptrdiff_t rows, ptrdiff_t width) {
    for (ptrdiff_t r = 0; r < rows; r++) {
        for (ptrdiff_t i = 0; i < width; i++) {
            x[r * stride + i] += block[r * wide + i];
        }
    }
}

SK_INLINE ptrdiff_t height_at(ptrdiff_t rows, ptrdiff_t first) {
    return rows - first < EDGE ? rows - first : EDGE;
}

/// Which keys the rows of a segment see.
typedef struct sight {
    const int32_t *offsets;
    const sk_range *ranges;
} sight;

/// Fills the scores of keys first ..< first + EDGE that a row does not see.
SK_INLINE void fill_hidden(float *scores, float value, sight seen, ptrdiff_t row, ptrdiff_t first) {
    ptrdiff_t at = 0;
    for (int32_t i = seen.offsets[row]; i < seen.offsets[row + 1]; i++) {
        ptrdiff_t begin = seen.ranges[i].begin - first, end = seen.ranges[i].end - first;
        begin = begin < 0 ? 0 : begin > EDGE ? EDGE : begin;
        end = end < 0 ? 0 : end > EDGE ? EDGE : end;
        for (; at < begin; at++) {
            scores[at] = value;
        }
        at = end > at ? end : at;
    }
    for (; at < EDGE; at++) {
        scores[at] = value;
    }
}

/// Whether any of the rows sees any of the keys.
SK_INLINE int is_seen(sight seen, ptrdiff_t row, ptrdiff_t rows, ptrdiff_t first) {
    for (int32_t i = seen.offsets[row]; i < seen.offsets[row + rows]; i++) {
        if (seen.ranges[i].begin < first + EDGE && seen.ranges[i].end > first) {
            return 1;
        }
    }
    return 0;
}

#endif
