#include "attention.h"

#include <string.h>

// Rows are taken in blocks. The row that sees most of a block leads it: its tiles are converted
// once and used by every row whose visible keys agree with the leader's up to that tile's end
// (causal and bidirectional rows always, rows of a tree over their common past). What remains of
// the other rows is walked row by row. A tile's arithmetic is the same either way.

/// A place in a row's visible keys and in the runs that hold them.
typedef struct sk_cursor {
    const sk_range *range, *end;
    int32_t key;       ///< next visible key, counted over all runs
    int32_t run;       ///< run that holds it, or one before
    int32_t run_start; ///< number of that run's first key
} sk_cursor;

static sk_cursor start_of_row(const sk_attention *args, ptrdiff_t row) {
    sk_cursor cursor = {args->ranges + args->range_offsets[row],
                        args->ranges + args->range_offsets[row + 1], 0, 0, 0};
    if (cursor.range < cursor.end) {
        cursor.key = cursor.range->begin;
    }
    return cursor;
}

/// Moves past `count` visible keys.
static void skip_keys(sk_cursor *cursor, int32_t count) {
    while (cursor->range < cursor->end) {
        int32_t left = cursor->range->end - cursor->key;
        if (count < left) {
            cursor->key += count;
            return;
        }
        count -= left > 0 ? left : 0;
        cursor->range++;
        if (cursor->range < cursor->end) {
            cursor->key = cursor->range->begin;
        }
    }
}

static int32_t visible_keys(const sk_attention *args, ptrdiff_t row) {
    int32_t total = 0;
    for (int32_t i = args->range_offsets[row]; i < args->range_offsets[row + 1]; i++) {
        int32_t count = args->ranges[i].end - args->ranges[i].begin;
        total += count > 0 ? count : 0;
    }
    return total;
}

/// How many visible keys two rows have in common before the first difference.
static int32_t common_keys(const sk_attention *args, ptrdiff_t a, ptrdiff_t b) {
    const sk_range *x = args->ranges + args->range_offsets[a];
    const sk_range *x_end = args->ranges + args->range_offsets[a + 1];
    const sk_range *y = args->ranges + args->range_offsets[b];
    const sk_range *y_end = args->ranges + args->range_offsets[b + 1];
    int32_t total = 0;
    for (; x < x_end && y < y_end && x->begin == y->begin; x++, y++) {
        int32_t end = x->end < y->end ? x->end : y->end;
        total += end > x->begin ? end - x->begin : 0;
        if (x->end != y->end) {
            break;
        }
    }
    return total;
}

/// The addresses of the next `limit` visible tokens; returns how many there were.
static ptrdiff_t next_tokens(const sk_attention *args, sk_cursor *cursor, ptrdiff_t limit,
                             size_t head_offset, size_t token_bytes, const void **keys,
                             const void **values) {
    ptrdiff_t count = 0;
    while (count < limit && cursor->range < cursor->end) {
        if (cursor->key >= cursor->range->end) {
            skip_keys(cursor, 0);
            continue;
        }
        while (cursor->run < args->run_count &&
               cursor->key >= cursor->run_start + args->runs[cursor->run].count) {
            cursor->run_start += args->runs[cursor->run].count;
            cursor->run++;
        }
        if (cursor->run == args->run_count) {
            break;
        }
        const sk_kv_run *run = &args->runs[cursor->run];
        ptrdiff_t token = cursor->key - cursor->run_start;
        ptrdiff_t take = run->count - token;
        ptrdiff_t left = cursor->range->end - cursor->key;
        take = take < left ? take : left;
        take = take < limit - count ? take : limit - count;
        const char *key = (const char *)run->keys + head_offset + (size_t)token * token_bytes;
        const char *value = (const char *)run->values + head_offset + (size_t)token * token_bytes;
        for (ptrdiff_t i = 0; i < take; i++) {
            keys[count + i] = key + (size_t)i * token_bytes;
            values[count + i] = value + (size_t)i * token_bytes;
        }
        count += take;
        skip_keys(cursor, (int32_t)take);
    }
    return count;
}

/// Query heads that are reduced together.
typedef struct sk_query_block {
    ptrdiff_t count;
    const float *query[SK_QUERY_BLOCK];
    float *out[SK_QUERY_BLOCK];
    float max[SK_QUERY_BLOCK], sum[SK_QUERY_BLOCK];
} sk_query_block;

/// Adds Σ weight · value; query q has visible[q] keys in the tile.
static void accumulate(float *const *out, const float *const *weights, const int32_t *visible,
                       ptrdiff_t queries, const float *tile, ptrdiff_t width,
                       const sk_tile_kernels *kernels) {
    enum { GROUP = 12 };
    for (ptrdiff_t first = 0; first < queries; first += GROUP) {
        ptrdiff_t count = queries - first < GROUP ? queries - first : GROUP;
        ptrdiff_t common = SK_ATTENTION_TILE;
        for (ptrdiff_t q = first; q < first + count; q++) {
            common = visible[q] < common ? visible[q] : common;
        }
        kernels->product(out + first, weights + first, count, common, tile, SK_COLUMN_BLOCK, width);
        for (ptrdiff_t q = first; q < first + count;) {
            ptrdiff_t same = q;
            const float *rest[GROUP];
            while (same < first + count && visible[same] == visible[q]) {
                rest[same - q] = weights[same] + common;
                same++;
            }
            if (visible[q] > common) {
                kernels->product(out + q, rest, same - q, visible[q] - common,
                                 tile + common * SK_COLUMN_BLOCK, SK_COLUMN_BLOCK, width);
            }
            q = same;
        }
    }
}

/// One tile for the block's queries members[0 ..< queries]; query members[q] sees visible[q] keys.
static void reduce_tile(const sk_attention *args, sk_query_block *block, const int32_t *members,
                        const int32_t *visible, ptrdiff_t queries, const void *const *keys,
                        const void *const *values, ptrdiff_t tokens,
                        const sk_tile_kernels *kernels) {
    _Alignas(64) float tile[SK_ATTENTION_TILE * SK_COLUMN_BLOCK];
    _Alignas(64) float scores[SK_QUERY_BLOCK * SK_ATTENTION_TILE];
    float *score[SK_QUERY_BLOCK];
    const float *left[SK_QUERY_BLOCK];
    float *out[SK_QUERY_BLOCK];
    const void *columns[SK_ATTENTION_TILE];
    const size_t element = args->kv_type == SK_F32 ? 4 : 2;
    const ptrdiff_t head_dim = args->head_dim;
    memset(scores, 0, (size_t)queries * SK_ATTENTION_TILE * sizeof *scores);
    for (ptrdiff_t q = 0; q < queries; q++) {
        score[q] = scores + q * SK_ATTENTION_TILE;
    }
    for (ptrdiff_t d = 0; d < head_dim; d += SK_COLUMN_BLOCK) {
        ptrdiff_t width = head_dim - d < SK_COLUMN_BLOCK ? head_dim - d : SK_COLUMN_BLOCK;
        for (ptrdiff_t j = 0; j < tokens; j++) {
            columns[j] = (const char *)keys[j] + (size_t)d * element;
        }
        for (ptrdiff_t q = 0; q < queries; q++) {
            left[q] = block->query[members[q]] + d;
        }
        kernels->load_keys(tile, columns, tokens, args->kv_type, width);
        kernels->product(score, left, queries, width, tile, SK_ATTENTION_TILE, SK_ATTENTION_TILE);
    }
    for (ptrdiff_t q = 0; q < queries; q++) {
        int32_t m = members[q];
        float factor = kernels->weigh(score[q], visible[q], args->scale, args->soft_cap,
                                      &block->max[m], &block->sum[m]);
        if (factor != 1) {
            kernels->rescale(block->out[m], factor, head_dim);
        }
        left[q] = score[q];
    }
    for (ptrdiff_t d = 0; d < head_dim; d += SK_COLUMN_BLOCK) {
        ptrdiff_t width = head_dim - d < SK_COLUMN_BLOCK ? head_dim - d : SK_COLUMN_BLOCK;
        for (ptrdiff_t j = 0; j < tokens; j++) {
            columns[j] = (const char *)values[j] + (size_t)d * element;
        }
        for (ptrdiff_t q = 0; q < queries; q++) {
            out[q] = block->out[members[q]] + d;
        }
        kernels->load_values(tile, columns, tokens, args->kv_type, width);
        accumulate(out, left, visible, queries, tile, width, kernels);
    }
}

/// Query heads head_begin ..< head_end (of one key-value head) of rows row_begin ..< row_end.
static void reduce_block(const sk_attention *args, ptrdiff_t row_begin, ptrdiff_t row_end,
                         ptrdiff_t head_begin, ptrdiff_t head_end, size_t head_offset,
                         size_t token_bytes, const sk_tile_kernels *kernels) {
    sk_query_block block;
    const ptrdiff_t rows = row_end - row_begin, heads = head_end - head_begin;
    int32_t total[SK_QUERY_BLOCK], shared[SK_QUERY_BLOCK], next[SK_QUERY_BLOCK];
    ptrdiff_t leader = 0;
    block.count = 0;
    for (ptrdiff_t r = 0; r < rows; r++) {
        total[r] = visible_keys(args, row_begin + r);
        next[r] = 0;
        leader = total[r] > total[leader] ? r : leader;
        for (ptrdiff_t h = head_begin; h < head_end; h++) {
            ptrdiff_t q = block.count++;
            block.query[q] = args->q + (row_begin + r) * args->q_stride + h * args->head_dim;
            block.out[q] = args->out + (row_begin + r) * args->out_stride + h * args->head_dim;
            block.max[q] = -__builtin_inff();
            block.sum[q] = 0;
            memset(block.out[q], 0, (size_t)args->head_dim * sizeof *block.out[q]);
        }
    }
    for (ptrdiff_t r = 0; r < rows; r++) {
        shared[r] = r == leader ? total[r] : common_keys(args, row_begin + leader, row_begin + r);
    }
    const void *keys[SK_ATTENTION_TILE], *values[SK_ATTENTION_TILE];
    int32_t members[SK_QUERY_BLOCK], visible[SK_QUERY_BLOCK];
    sk_cursor cursor = start_of_row(args, row_begin + leader);
    for (int32_t first = 0; first < total[leader]; first += SK_ATTENTION_TILE) {
        ptrdiff_t tokens =
            next_tokens(args, &cursor, SK_ATTENTION_TILE, head_offset, token_bytes, keys, values);
        ptrdiff_t queries = 0;
        for (ptrdiff_t r = 0; r < rows; r++) {
            int32_t end =
                first + SK_ATTENTION_TILE < total[r] ? first + SK_ATTENTION_TILE : total[r];
            if (next[r] != first || end <= first || end > shared[r]) {
                continue;
            }
            for (ptrdiff_t h = 0; h < heads; h++) {
                members[queries] = (int32_t)(r * heads + h);
                visible[queries++] = end - first < tokens ? end - first : (int32_t)tokens;
            }
            next[r] = end;
        }
        reduce_tile(args, &block, members, visible, queries, keys, values, tokens, kernels);
    }
    for (ptrdiff_t r = 0; r < rows; r++) {
        if (next[r] >= total[r]) {
            continue;
        }
        cursor = start_of_row(args, row_begin + r);
        skip_keys(&cursor, next[r]);
        for (int32_t first = next[r]; first < total[r]; first += SK_ATTENTION_TILE) {
            ptrdiff_t tokens = next_tokens(args, &cursor, SK_ATTENTION_TILE, head_offset,
                                           token_bytes, keys, values);
            for (ptrdiff_t h = 0; h < heads; h++) {
                members[h] = (int32_t)(r * heads + h);
                visible[h] = (int32_t)tokens;
            }
            reduce_tile(args, &block, members, visible, heads, keys, values, tokens, kernels);
        }
    }
    for (ptrdiff_t q = 0; q < block.count; q++) {
        if (block.sum[q] == 0) {
            memset(block.out[q], 0, (size_t)args->head_dim * sizeof *block.out[q]);
        } else {
            kernels->rescale(block.out[q], 1 / block.sum[q], args->head_dim);
        }
    }
}

void sk_attention_walk(const sk_attention *args, ptrdiff_t row_begin, ptrdiff_t row_end,
                       ptrdiff_t kv_begin, ptrdiff_t kv_end, const sk_tile_kernels *kernels) {
    const ptrdiff_t group = args->heads / args->kv_heads;
    const size_t element = args->kv_type == SK_F32 ? 4 : 2;
    const size_t token_bytes = (size_t)args->key_stride * element;
    const ptrdiff_t heads_at_once = group < SK_QUERY_BLOCK ? group : SK_QUERY_BLOCK;
    const ptrdiff_t rows_at_once = SK_QUERY_BLOCK / heads_at_once;
    for (ptrdiff_t kv = kv_begin; kv < kv_end; kv++) {
        size_t head_offset = (size_t)(kv * args->head_dim) * element;
        for (ptrdiff_t row = row_begin; row < row_end; row += rows_at_once) {
            ptrdiff_t stop = row + rows_at_once < row_end ? row + rows_at_once : row_end;
            for (ptrdiff_t h = 0; h < group; h += heads_at_once) {
                ptrdiff_t last = h + heads_at_once < group ? h + heads_at_once : group;
                reduce_block(args, row, stop, kv * group + h, kv * group + last, head_offset,
                             token_bytes, kernels);
            }
        }
    }
}
