#include "../convert/half.h"

#include <math.h>

/// A row's place among its visible keys.
typedef struct key_cursor {
    const sk_attention *args;
    const sk_range *range, *last;
    int32_t key;       ///< the next logical key
    int32_t run;       ///< the run that holds it
    int32_t run_start; ///< the logical key that begins the run
} key_cursor;

static key_cursor first_key(const sk_attention *args, ptrdiff_t row) {
    key_cursor cursor = {.args = args,
                         .range = args->ranges + args->range_offsets[row],
                         .last = args->ranges + args->range_offsets[row + 1]};
    if (cursor.range < cursor.last) {
        cursor.key = cursor.range->begin;
    }
    return cursor;
}

/// The next visible key's token within its run, or −1 at the end; moves past it.
static int32_t next_key(key_cursor *cursor) {
    while (cursor->range < cursor->last && cursor->key >= cursor->range->end) {
        cursor->range++;
        if (cursor->range < cursor->last) {
            cursor->key = cursor->range->begin;
        }
    }
    if (cursor->range >= cursor->last) {
        return -1;
    }
    const sk_attention *args = cursor->args;
    while (cursor->run < args->run_count &&
           cursor->key >= cursor->run_start + args->runs[cursor->run].count) {
        cursor->run_start += args->runs[cursor->run].count;
        cursor->run++;
    }
    if (cursor->run >= args->run_count) {
        return -1;
    }
    return cursor->key++ - cursor->run_start;
}

static float element(sk_type type, const void *base, ptrdiff_t index) {
    switch (type) {
    case SK_F16:
        return sk_half_to_float(((const uint16_t *)base)[index]);
    case SK_BF16:
        return sk_bfloat_to_float(((const uint16_t *)base)[index]);
    default:
        return ((const float *)base)[index];
    }
}

/// One query head of one row: tiles of visible keys, an online softmax between them.
static void attend_head(const sk_attention *args, ptrdiff_t row, int32_t head) {
    const int32_t dim = args->head_dim;
    const int32_t kv_head = head / (args->heads / args->kv_heads);
    const float *q = args->q + row * args->q_stride + (ptrdiff_t)head * dim;
    float *out = args->out + row * args->out_stride + (ptrdiff_t)head * dim;
    for (int32_t i = 0; i < dim; i++) {
        out[i] = 0;
    }
    float maximum = -INFINITY, sum = 0;
    key_cursor cursor = first_key(args, row);
    for (;;) {
        float scores[SK_ATTENTION_TILE];
        const void *values[SK_ATTENTION_TILE];
        ptrdiff_t offsets[SK_ATTENTION_TILE];
        int32_t count = 0;
        float tile_maximum = maximum;
        int32_t token;
        while (count < SK_ATTENTION_TILE && (token = next_key(&cursor)) >= 0) {
            const sk_kv_run *run = &args->runs[cursor.run];
            ptrdiff_t offset = (ptrdiff_t)token * args->key_stride + (ptrdiff_t)kv_head * dim;
            float dot = 0;
            for (int32_t i = 0; i < dim; i++) {
                dot = fmaf(q[i], element(args->kv_type, run->keys, offset + i), dot);
            }
            float score = dot * args->scale;
            if (args->soft_cap > 0) {
                score = args->soft_cap * tanhf(score / args->soft_cap);
            }
            values[count] = run->values;
            offsets[count] = offset;
            scores[count++] = score;
            tile_maximum = score > tile_maximum || score != score ? score : tile_maximum;
        }
        if (count == 0) {
            break;
        }
        if (tile_maximum == -INFINITY) {
            continue;
        }
        float rescale = maximum == -INFINITY ? 0 : expf(maximum - tile_maximum);
        sum *= rescale;
        for (int32_t i = 0; i < dim; i++) {
            out[i] *= rescale;
        }
        for (int32_t j = 0; j < count; j++) {
            float weight = expf(scores[j] - tile_maximum);
            sum += weight;
            for (int32_t i = 0; i < dim; i++) {
                out[i] = fmaf(weight, element(args->kv_type, values[j], offsets[j] + i), out[i]);
            }
        }
        maximum = tile_maximum;
    }
    float scale = sum == 0 ? 0 : 1 / sum;
    for (int32_t i = 0; i < dim; i++) {
        out[i] *= scale;
    }
}

static void attention(const sk_attention *args, ptrdiff_t row_begin, ptrdiff_t row_end,
                      ptrdiff_t kv_begin, ptrdiff_t kv_end) {
    const ptrdiff_t group = args->heads / args->kv_heads;
    for (ptrdiff_t row = row_begin; row < row_end; row++) {
        for (ptrdiff_t head = kv_begin * group; head < kv_end * group; head++) {
            attend_head(args, row, (int32_t)head);
        }
    }
}

void sk_fill_attention(sk_kernels *table) { table->attention = attention; }
