#include "attention.h"

#include <math.h>
#include <string.h>

// Rows are walked in blocks, tile by tile. Rows of a block whose tiles begin with the same keys (a
// causal prompt's do) and all query heads of a key-value head share the widened keys and values.
// The running sums live in `out` itself between tiles.

enum { max_states = 384 };

typedef struct block {
    const sk_attention_steps *steps;
    const sk_attention *args;
    ptrdiff_t row;      ///< the first row
    int32_t row_count;  ///< row_count * head_count <= SK_ATTENTION_QUERIES
    ptrdiff_t kv;       ///< the first key-value head
    int32_t kv_count;   ///< row_count * kv_count * head_count <= max_states
    int32_t head;       ///< the first query head of the first key-value head
    int32_t head_count; ///< query heads of each key-value head
    int32_t run;        ///< a run that was read last,
    int32_t run_begin;  ///< and its first logical key
    // by row:
    int32_t range[SK_ATTENTION_QUERIES]; ///< the range being read
    int32_t taken[SK_ATTENTION_QUERIES]; ///< keys of that range already read
    int32_t count[SK_ATTENTION_QUERIES]; ///< keys in the row's current tile
    int32_t keys[SK_ATTENTION_QUERIES][SK_ATTENTION_TILE];
    // by row, key-value head and query head:
    float largest[max_states];
    float sum[max_states];
} block;

/// A leader's tile and the rows that take part of it, for one key-value head.
typedef struct tile {
    int32_t members[SK_ATTENTION_QUERIES];
    int32_t member_count;
    int32_t count; ///< tokens
    int32_t kv;    ///< counted from the block's first
    const char *keys[SK_ATTENTION_TILE];
    const char *values[SK_ATTENTION_TILE];
} tile;

static ptrdiff_t smaller(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

/// Reads the row's next visible keys.
static void read_tile(block *b, int32_t row) {
    const sk_attention *args = b->args;
    int32_t range_end = args->range_offsets[b->row + row + 1];
    int32_t count = 0;
    while (count < SK_ATTENTION_TILE && b->range[row] < range_end) {
        sk_range range = args->ranges[b->range[row]];
        int32_t key = range.begin + b->taken[row];
        while (count < SK_ATTENTION_TILE && key < range.end) {
            b->keys[row][count++] = key++;
        }
        b->taken[row] = key - range.begin;
        if (key >= range.end) {
            b->range[row]++;
            b->taken[row] = 0;
        }
    }
    b->count[row] = count;
}

/// Finds the data of the tile of `row`, at the block's first key-value head.
static void locate(block *b, int32_t row, tile *found) {
    const sk_attention *args = b->args;
    ptrdiff_t bytes = (ptrdiff_t)sk_block_bytes(args->kv_type);
    found->count = b->count[row];
    for (int32_t i = 0; i < found->count; i++) {
        int32_t key = b->keys[row][i];
        if (key < b->run_begin) {
            b->run = 0;
            b->run_begin = 0;
        }
        while (key - b->run_begin >= args->runs[b->run].count) {
            b->run_begin += args->runs[b->run++].count;
        }
        ptrdiff_t offset = (key - b->run_begin) * args->key_stride + b->kv * args->head_dim;
        found->keys[i] = (const char *)args->runs[b->run].keys + offset * bytes;
        found->values[i] = (const char *)args->runs[b->run].values + offset * bytes;
    }
}

/// Vectors of `columns` columns of `count` tokens, beginning `first` elements from each token's
/// address. They are widened to `buffer` and padded with zeros to `width`, unless they serve so few
/// queries that it is not worth it. Vectors past `count` repeat the last. Returns their type.
static sk_type vectors_of(const block *b, const char *const *from, int32_t count, ptrdiff_t first,
                          ptrdiff_t columns, ptrdiff_t width, int32_t query_count, float *buffer,
                          const void **vectors) {
    const sk_type type = b->args->kv_type;
    const ptrdiff_t bytes = (ptrdiff_t)sk_block_bytes(type);
    const int as_is = columns == width && (type == SK_F32 || query_count <= b->steps->few);
    for (int32_t i = 0; i < count; i++, buffer += width) {
        const char *source = from[i] + first * bytes;
        if (!as_is) {
            b->steps->widen(type, buffer, source, columns);
        }
        vectors[i] = as_is ? (const void *)source : buffer;
    }
    for (int32_t i = count; i < SK_ATTENTION_CHUNK; i++) {
        vectors[i] = vectors[count - 1];
    }
    return as_is ? type : SK_F32;
}

/// Asks for the tile's tokens ahead of their use, all key-value heads of one after another, as they
/// lie in memory, so that the processor follows.
static void prefetch(const block *b, const tile *t) {
    const ptrdiff_t bytes =
        b->kv_count * (ptrdiff_t)b->args->head_dim * (ptrdiff_t)sk_block_bytes(b->args->kv_type);
    for (int32_t i = 0; i < t->count; i++) {
        for (ptrdiff_t offset = 0; offset < bytes; offset += 64) {
            __builtin_prefetch(t->keys[i] + offset);
        }
    }
    for (int32_t i = 0; i < t->count; i++) {
        for (ptrdiff_t offset = 0; offset < bytes; offset += 64) {
            __builtin_prefetch(t->values[i] + offset);
        }
    }
}

static ptrdiff_t padded(const block *b, ptrdiff_t columns) {
    ptrdiff_t lanes = b->steps->lanes;
    return (columns + lanes - 1) / lanes * lanes;
}

/// The number of a member row's i-th query head among all states.
static int32_t state(const block *b, const tile *t, int32_t i) {
    int32_t row = t->members[i / b->head_count];
    return (row * b->kv_count + t->kv) * b->head_count + i % b->head_count;
}

/// Elements from a row's start to its i-th query head.
static ptrdiff_t head_offset(const block *b, const tile *t, int32_t i) {
    return (b->head + t->kv * b->head_count + i % b->head_count) * (ptrdiff_t)b->args->head_dim;
}

static const float *query(const block *b, const tile *t, int32_t i) {
    ptrdiff_t row = b->row + t->members[i / b->head_count];
    return b->args->q + row * b->args->q_stride + head_offset(b, t, i);
}

static float *output(const block *b, const tile *t, int32_t i) {
    ptrdiff_t row = b->row + t->members[i / b->head_count];
    return b->args->out + row * b->args->out_stride + head_offset(b, t, i);
}

/// Scores of the tile's keys for all heads of the member rows.
static void score(const block *b, const tile *t, float *scores) {
    float queries[SK_ATTENTION_QUERIES * SK_ATTENTION_COLUMNS];
    float buffer[SK_ATTENTION_CHUNK * SK_ATTENTION_COLUMNS];
    const void *keys[SK_ATTENTION_CHUNK];
    int32_t query_count = t->member_count * b->head_count;
    ptrdiff_t head_dim = b->args->head_dim;
    for (ptrdiff_t first = 0; first < head_dim; first += SK_ATTENTION_COLUMNS) {
        ptrdiff_t columns = smaller(SK_ATTENTION_COLUMNS, head_dim - first);
        ptrdiff_t width = padded(b, columns);
        for (int32_t i = 0; i < query_count; i++) {
            float *copy = queries + i * width;
            memcpy(copy, query(b, t, i) + first, (size_t)columns * sizeof *copy);
            for (ptrdiff_t c = columns; c < width; c++) {
                copy[c] = 0;
            }
        }
        ptrdiff_t from = t->kv * head_dim + first;
        for (int32_t begin = 0; begin < t->count; begin += SK_ATTENTION_CHUNK) {
            int32_t size = (int32_t)smaller(SK_ATTENTION_CHUNK, t->count - begin);
            const sk_type type = vectors_of(b, t->keys + begin, size, from, columns, width,
                                            query_count, buffer, keys);
            b->steps->dots(scores + begin, queries, query_count, type, keys, size, (int32_t)width,
                           first > 0);
        }
    }
}

/// Adds a chunk's weighted values to the sums; neighbouring rows that see equally many of them go
/// together.
static void gather_chunk(const block *b, const tile *t, int32_t begin, float *sums,
                         const float *weights, sk_type type, const void *const *values,
                         ptrdiff_t width) {
    for (int32_t m = 0; m < t->member_count;) {
        ptrdiff_t seen = smaller(SK_ATTENTION_CHUNK, b->count[t->members[m]] - begin);
        int32_t end = m + 1;
        while (end < t->member_count &&
               smaller(SK_ATTENTION_CHUNK, b->count[t->members[end]] - begin) == seen) {
            end++;
        }
        if (seen > 0) {
            ptrdiff_t first = m * b->head_count;
            b->steps->gather(sums + first * width, weights + first * SK_ATTENTION_TILE + begin,
                             (end - m) * b->head_count, type, values, (int32_t)seen,
                             (int32_t)width);
        }
        m = end;
    }
}

/// Adds the tile's weighted values to the outputs of the member rows, scaled by `factors` first.
static void gather(const block *b, const tile *t, const float *weights, const float *factors) {
    float sums[SK_ATTENTION_QUERIES * SK_ATTENTION_COLUMNS];
    float buffer[SK_ATTENTION_CHUNK * SK_ATTENTION_COLUMNS];
    const void *values[SK_ATTENTION_CHUNK];
    int32_t query_count = t->member_count * b->head_count;
    ptrdiff_t head_dim = b->args->head_dim;
    for (ptrdiff_t first = 0; first < head_dim; first += SK_ATTENTION_COLUMNS) {
        ptrdiff_t columns = smaller(SK_ATTENTION_COLUMNS, head_dim - first);
        ptrdiff_t width = padded(b, columns);
        for (int32_t i = 0; i < query_count; i++) {
            const float *out = output(b, t, i) + first;
            float *sum = sums + i * width, factor = factors[i];
            for (ptrdiff_t c = 0; c < columns; c++) {
                sum[c] = out[c] * factor;
            }
            for (ptrdiff_t c = columns; c < width; c++) {
                sum[c] = 0;
            }
        }
        ptrdiff_t from = t->kv * head_dim + first;
        for (int32_t begin = 0; begin < t->count; begin += SK_ATTENTION_CHUNK) {
            int32_t size = (int32_t)smaller(SK_ATTENTION_CHUNK, t->count - begin);
            const sk_type type = vectors_of(b, t->values + begin, size, from, columns, width,
                                            query_count, buffer, values);
            gather_chunk(b, t, begin, sums, weights, type, values, width);
        }
        for (int32_t i = 0; i < query_count; i++) {
            memcpy(output(b, t, i) + first, sums + i * width, (size_t)columns * sizeof *sums);
        }
    }
}

/// Takes the current tiles of the member rows, all beginnings of the leader's, into their outputs.
static void run_tile(block *b, tile *t) {
    float scores[SK_ATTENTION_QUERIES * SK_ATTENTION_TILE];
    float factors[SK_ATTENTION_QUERIES];
    for (t->kv = 0; t->kv < b->kv_count; t->kv++) {
        score(b, t, scores);
        for (int32_t i = 0; i < t->member_count * b->head_count; i++) {
            int32_t count = b->count[t->members[i / b->head_count]], at = state(b, t, i);
            factors[i] = b->steps->weigh(scores + i * SK_ATTENTION_TILE, count, b->args->scale,
                                         b->args->soft_cap, b->largest + at, b->sum + at);
        }
        gather(b, t, scores, factors);
    }
}

/// Runs the current tiles of all rows, each set of rows with a common beginning at once.
/// Returns whether there was any.
static int run_tiles(block *b) {
    int any = 0;
    for (;;) {
        int32_t leader = 0;
        for (int32_t row = 1; row < b->row_count; row++) {
            leader = b->count[row] > b->count[leader] ? row : leader;
        }
        if (b->count[leader] == 0) {
            return any;
        }
        any = 1;
        tile t = {.member_count = 0};
        for (int32_t row = 0; row < b->row_count; row++) {
            size_t bytes = (size_t)b->count[row] * sizeof **b->keys;
            if (bytes > 0 && memcmp(b->keys[row], b->keys[leader], bytes) == 0) {
                t.members[t.member_count++] = row;
            }
        }
        locate(b, leader, &t);
        prefetch(b, &t);
        run_tile(b, &t);
        for (int32_t m = 0; m < t.member_count; m++) {
            b->count[t.members[m]] = 0;
        }
    }
}

static void run_block(block *b) {
    const sk_attention *args = b->args;
    ptrdiff_t columns = (ptrdiff_t)args->head_dim * b->kv_count * b->head_count;
    float *out = args->out + b->row * args->out_stride + (ptrdiff_t)b->head * args->head_dim;
    for (int32_t row = 0; row < b->row_count; row++) {
        b->range[row] = args->range_offsets[b->row + row];
        b->taken[row] = 0;
        memset(out + row * args->out_stride, 0, (size_t)columns * sizeof *out);
    }
    for (int32_t i = 0; i < max_states; i++) {
        b->largest[i] = -INFINITY;
        b->sum[i] = 0;
    }
    b->run = 0;
    b->run_begin = 0;
    do {
        for (int32_t row = 0; row < b->row_count; row++) {
            read_tile(b, row);
        }
    } while (run_tiles(b));
    const float *sum = b->sum, *largest = b->largest;
    for (int32_t row = 0; row < b->row_count; row++, out += args->out_stride) {
        float *tally = args->tallies;
        if (tally != NULL) {
            tally += ((b->row + row) * args->heads + b->head) * 2;
        }
        for (ptrdiff_t head = 0; head < columns; head += args->head_dim, sum++, largest++) {
            float factor = *sum == 0 ? 0 : 1 / *sum;
            if (tally != NULL) {
                *tally++ = *largest;
                *tally++ = *sum;
            }
            for (ptrdiff_t c = 0; c < args->head_dim; c++) {
                out[head + c] *= factor;
            }
        }
    }
}

void sk_attention_run(const sk_attention_steps *steps, const sk_attention *args,
                      ptrdiff_t row_begin, ptrdiff_t row_end, ptrdiff_t kv_begin,
                      ptrdiff_t kv_end) {
    ptrdiff_t group = args->heads / args->kv_heads;
    ptrdiff_t heads = smaller(group, SK_ATTENTION_QUERIES);
    ptrdiff_t rows = SK_ATTENTION_QUERIES / heads;
    ptrdiff_t kvs = heads < group ? 1 : max_states / (rows * heads);
    block b = {.steps = steps, .args = args};
    for (b.kv = kv_begin; b.kv < kv_end; b.kv += kvs) {
        b.kv_count = (int32_t)smaller(kvs, kv_end - b.kv);
        for (ptrdiff_t head = 0; head < group; head += heads) {
            b.head = (int32_t)(b.kv * group + head);
            b.head_count = (int32_t)smaller(heads, group - head);
            for (b.row = row_begin; b.row < row_end; b.row += rows) {
                b.row_count = (int32_t)smaller(rows, row_end - b.row);
                run_block(&b);
            }
        }
    }
}

void sk_fill_attention(sk_kernels *table) {
    sk_attention_portable(table);
    SK_FILL_LEVEL(attention, table);
}
