#include "attention.h"

#include <math.h>
#include <string.h>

// Rows are walked in blocks, tile by tile. Rows of a block whose tiles begin with the same keys (a
// causal prompt's do) and all query heads of a key-value head share the widened keys and values.
// The running sums live in `out` itself between tiles.

typedef struct block {
    const sk_attention_steps *steps;
    const sk_attention *args;
    ptrdiff_t row;       ///< the first row
    int32_t row_count;   ///< row_count * head_count <= SK_ATTENTION_QUERIES
    int32_t head;        ///< the first query head
    int32_t head_count;  ///< query heads of the one key-value head
    ptrdiff_t kv_offset; ///< elements from a token's start to the key-value head
    int32_t run;         ///< a run that was read last,
    int32_t run_begin;   ///< and its first logical key
    // by row:
    int32_t range[SK_ATTENTION_QUERIES]; ///< the range being read
    int32_t taken[SK_ATTENTION_QUERIES]; ///< keys of that range already read
    int32_t count[SK_ATTENTION_QUERIES]; ///< keys in the row's current tile
    int32_t keys[SK_ATTENTION_QUERIES][SK_ATTENTION_TILE];
    // by row and head:
    float largest[SK_ATTENTION_QUERIES];
    float sum[SK_ATTENTION_QUERIES];
} block;

typedef struct tokens {
    const char *keys[SK_ATTENTION_TILE];
    const char *values[SK_ATTENTION_TILE];
} tokens;

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

/// Finds the key-value head's data of the tile of `row`.
static void locate(block *b, int32_t row, tokens *found) {
    const sk_attention *args = b->args;
    ptrdiff_t bytes = (ptrdiff_t)sk_block_bytes(args->kv_type);
    for (int32_t i = 0; i < b->count[row]; i++) {
        int32_t key = b->keys[row][i];
        if (key < b->run_begin) {
            b->run = 0;
            b->run_begin = 0;
        }
        while (key - b->run_begin >= args->runs[b->run].count) {
            b->run_begin += args->runs[b->run++].count;
        }
        ptrdiff_t offset = (key - b->run_begin) * args->key_stride + b->kv_offset;
        found->keys[i] = (const char *)args->runs[b->run].keys + offset * bytes;
        found->values[i] = (const char *)args->runs[b->run].values + offset * bytes;
    }
}

/// Widens columns `first ..< first + columns` of `count` tokens, padded with zeros to `width`.
/// Vectors past `count` repeat the last.
static void widen(const block *b, const char *const *from, int32_t count, ptrdiff_t first,
                  ptrdiff_t columns, ptrdiff_t width, float *buffer, const float **vectors) {
    sk_type type = b->args->kv_type;
    ptrdiff_t bytes = (ptrdiff_t)sk_block_bytes(type);
    for (int32_t i = 0; i < count; i++, buffer += width) {
        const char *source = from[i] + first * bytes;
        if (type == SK_F32 && columns == width) {
            vectors[i] = (const float *)(const void *)source;
            continue;
        }
        b->steps->widen(type, buffer, source, columns);
        for (ptrdiff_t c = columns; c < width; c++) {
            buffer[c] = 0;
        }
        vectors[i] = buffer;
    }
    for (int32_t i = count; i < SK_ATTENTION_CHUNK; i++) {
        vectors[i] = vectors[count - 1];
    }
}

/// Asks for the tokens of the chunk after `begin` ahead of their use.
static void prefetch(const block *b, const char *const *from, int32_t begin, int32_t count,
                     ptrdiff_t columns) {
    ptrdiff_t bytes = columns * (ptrdiff_t)sk_block_bytes(b->args->kv_type);
    ptrdiff_t end = smaller(begin + SK_ATTENTION_CHUNK, count);
    for (ptrdiff_t i = begin; i < end; i++) {
        for (ptrdiff_t offset = 0; offset < bytes; offset += 64) {
            __builtin_prefetch(from[i] + offset);
        }
    }
}

static ptrdiff_t padded(const block *b, ptrdiff_t columns) {
    ptrdiff_t lanes = b->steps->lanes;
    return (columns + lanes - 1) / lanes * lanes;
}

static const float *query(const block *b, int32_t row, int32_t head) {
    return b->args->q + (b->row + row) * b->args->q_stride +
           (ptrdiff_t)(b->head + head) * b->args->head_dim;
}

static float *output(const block *b, int32_t row, int32_t head) {
    return b->args->out + (b->row + row) * b->args->out_stride +
           (ptrdiff_t)(b->head + head) * b->args->head_dim;
}

/// Scores of the tile's `count` keys for all heads of the member rows.
static void score(const block *b, const int32_t *members, int32_t member_count, const tokens *tile,
                  int32_t count, float *scores) {
    float queries[SK_ATTENTION_QUERIES * SK_ATTENTION_COLUMNS];
    float buffer[SK_ATTENTION_CHUNK * SK_ATTENTION_COLUMNS];
    const float *keys[SK_ATTENTION_CHUNK];
    for (ptrdiff_t first = 0; first < b->args->head_dim; first += SK_ATTENTION_COLUMNS) {
        ptrdiff_t columns = smaller(SK_ATTENTION_COLUMNS, b->args->head_dim - first);
        ptrdiff_t width = padded(b, columns);
        float *next = queries;
        for (int32_t m = 0; m < member_count; m++) {
            for (int32_t h = 0; h < b->head_count; h++, next += width) {
                memcpy(next, query(b, members[m], h) + first, (size_t)columns * sizeof *next);
                for (ptrdiff_t c = columns; c < width; c++) {
                    next[c] = 0;
                }
            }
        }
        for (int32_t begin = 0; begin < count; begin += SK_ATTENTION_CHUNK) {
            int32_t size = (int32_t)smaller(SK_ATTENTION_CHUNK, count - begin);
            prefetch(b, tile->keys, begin + SK_ATTENTION_CHUNK, count, columns);
            prefetch(b, tile->values, begin, count, columns);
            widen(b, tile->keys + begin, size, first, columns, width, buffer, keys);
            b->steps->dots(scores + begin, queries, member_count * b->head_count, keys, size,
                           (int32_t)width, first > 0);
        }
    }
}

/// Adds the weighted values of one tile to the outputs of the member rows, scaled by `factors`
/// first.
static void gather(const block *b, const int32_t *members, int32_t member_count, const tokens *tile,
                   int32_t count, const float *weights, const float *factors) {
    float sums[SK_ATTENTION_QUERIES * SK_ATTENTION_COLUMNS];
    float buffer[SK_ATTENTION_CHUNK * SK_ATTENTION_COLUMNS];
    const float *values[SK_ATTENTION_CHUNK];
    int32_t heads = b->head_count;
    for (ptrdiff_t first = 0; first < b->args->head_dim; first += SK_ATTENTION_COLUMNS) {
        ptrdiff_t columns = smaller(SK_ATTENTION_COLUMNS, b->args->head_dim - first);
        ptrdiff_t width = padded(b, columns);
        for (int32_t i = 0; i < member_count * heads; i++) {
            const float *out = output(b, members[i / heads], i % heads) + first;
            for (ptrdiff_t c = 0; c < width; c++) {
                sums[i * width + c] = c < columns ? out[c] * factors[i] : 0;
            }
        }
        for (int32_t begin = 0; begin < count; begin += SK_ATTENTION_CHUNK) {
            int32_t size = (int32_t)smaller(SK_ATTENTION_CHUNK, count - begin);
            widen(b, tile->values + begin, size, first, columns, width, buffer, values);
            // Neighbouring rows that see equally many of these values go together.
            for (int32_t m = 0; m < member_count;) {
                ptrdiff_t seen = smaller(size, b->count[members[m]] - begin);
                int32_t end = m + 1;
                while (end < member_count &&
                       smaller(size, b->count[members[end]] - begin) == seen) {
                    end++;
                }
                if (seen > 0) {
                    b->steps->gather(sums + m * heads * width,
                                     weights + m * heads * SK_ATTENTION_TILE + begin,
                                     (end - m) * heads, values, (int32_t)seen, (int32_t)width);
                }
                m = end;
            }
        }
        for (int32_t i = 0; i < member_count * heads; i++) {
            memcpy(output(b, members[i / heads], i % heads) + first, sums + i * width,
                   (size_t)columns * sizeof *sums);
        }
    }
}

/// Takes the current tiles of the member rows, all beginnings of the leader's, into their outputs.
static void run_tile(block *b, const int32_t *members, int32_t member_count, int32_t leader) {
    float scores[SK_ATTENTION_QUERIES * SK_ATTENTION_TILE];
    float factors[SK_ATTENTION_QUERIES];
    tokens tile;
    locate(b, leader, &tile);
    score(b, members, member_count, &tile, b->count[leader], scores);
    for (int32_t i = 0; i < member_count * b->head_count; i++) {
        int32_t row = members[i / b->head_count];
        int32_t state = row * b->head_count + i % b->head_count;
        factors[i] = b->steps->weigh(scores + i * SK_ATTENTION_TILE, b->count[row], b->args->scale,
                                     b->args->soft_cap, b->largest + state, b->sum + state);
    }
    gather(b, members, member_count, &tile, b->count[leader], scores, factors);
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
        int32_t members[SK_ATTENTION_QUERIES], member_count = 0;
        for (int32_t row = 0; row < b->row_count; row++) {
            size_t bytes = (size_t)b->count[row] * sizeof **b->keys;
            if (bytes > 0 && memcmp(b->keys[row], b->keys[leader], bytes) == 0) {
                members[member_count++] = row;
            }
        }
        run_tile(b, members, member_count, leader);
        for (int32_t m = 0; m < member_count; m++) {
            b->count[members[m]] = 0;
        }
    }
}

static void run_block(block *b) {
    ptrdiff_t head_dim = b->args->head_dim;
    for (int32_t row = 0; row < b->row_count; row++) {
        b->range[row] = b->args->range_offsets[b->row + row];
        b->taken[row] = 0;
        for (int32_t h = 0; h < b->head_count; h++) {
            b->largest[row * b->head_count + h] = -INFINITY;
            b->sum[row * b->head_count + h] = 0;
            memset(output(b, row, h), 0, (size_t)head_dim * sizeof(float));
        }
    }
    b->run = 0;
    b->run_begin = 0;
    do {
        for (int32_t row = 0; row < b->row_count; row++) {
            read_tile(b, row);
        }
    } while (run_tiles(b));
    for (int32_t row = 0; row < b->row_count; row++) {
        for (int32_t h = 0; h < b->head_count; h++) {
            float sum = b->sum[row * b->head_count + h];
            float factor = sum == 0 ? 0 : 1 / sum;
            float *out = output(b, row, h);
            for (ptrdiff_t c = 0; c < head_dim; c++) {
                out[c] *= factor;
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
    block b = {.steps = steps, .args = args};
    for (ptrdiff_t kv = kv_begin; kv < kv_end; kv++) {
        b.kv_offset = kv * args->head_dim;
        for (ptrdiff_t head = 0; head < group; head += heads) {
            b.head = (int32_t)(kv * group + head);
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
#if defined(SK_X86)
    if (table->isa == SK_ISA_AVX2 || table->isa == SK_ISA_AVX512) {
        sk_attention_avx2(table);
    }
#endif
}
