#include "matmul.h"

#include <math.h>

/// Value 4g + j of the codes of lane n in a packed block.
static int32_t code_at(sk_format f, const uint8_t *block, int32_t n, int32_t k) {
    const uint8_t *high = block;
    const uint8_t *codes = high + f.high_bytes;
    const int32_t g = k / 4;
    const int32_t lane = 4 * n + k % 4;
    if (f.bits == 8) {
        return codes[64 * g + lane];
    }
    if (f.bits < 4) {
        const int32_t code = codes[64 * (g / 4) + lane] >> (g % 4 * 2) & 3;
        return f.bits == 3 ? code | (high[lane] >> g & 1) << 2 : code;
    }
    int32_t code = codes[64 * (g % 4) + lane] >> (g / 4 * 4) & 15;
    if (f.bits == 5) {
        code |= (high[lane] >> g & 1) << 4;
    } else if (f.bits == 6) {
        code |= (high[64 * (g / 4) + lane] >> (g % 4 * 2) & 3) << 4;
    }
    return code;
}

static float half_at(const uint8_t *p, int32_t n) {
    return sk_float_of_half(sk_load_u16(p + 2 * n));
}

/// sum += one block's product for one row and one output.
static float add_block(sk_type type, const uint8_t *tile, ptrdiff_t b, int32_t n,
                       const sk_activation_block *x, float sum) {
    const sk_format f = sk_format_of(type);
    const sk_place at = sk_place_of(f, sk_runs_of(type), b);
    const uint8_t *header = tile + at.header;
    const uint8_t *scales = tile + at.scales;
    const uint8_t *block = tile + at.block;
    int32_t dots[2] = {0, 0};
    for (int32_t k = 0; k < 32; k++) {
        dots[k / 16] += (code_at(f, block, n, k) - f.zero) * x->codes[k];
    }
    if (type == SK_Q6_K) {
        const float d = half_at(header, n) * x->scale;
        sum = fmaf((float)dots[0], d * (float)(int8_t)scales[n], sum);
        return fmaf((float)dots[1], d * (float)(int8_t)scales[16 + n], sum);
    }
    float scale, min = 0;
    if (f.header_bytes != 0) {
        scale = half_at(header, n) * (float)scales[n];
        min = -half_at(header + 32, n) * (float)scales[16 + n];
    } else {
        scale = half_at(scales, n);
        min = f.has_min ? half_at(scales + 32, n) : 0;
    }
    sum = fmaf((float)(dots[0] + dots[1]), scale * x->scale, sum);
    return f.has_min ? fmaf(min, x->sum, sum) : sum;
}

static float weight_at(sk_type type, const uint8_t *tile, ptrdiff_t k, int32_t n) {
    switch (type) {
    case SK_F32: {
        float value;
        memcpy(&value, tile + (k * SK_TILE_N + n) * 4, 4);
        return value;
    }
    case SK_F16:
        return half_at(tile + k * SK_TILE_N * 2, n);
    default:
        return sk_float_of_bfloat(sk_load_u16(tile + (k / 2 * SK_TILE_N + n) * 4 + k % 2 * 2));
    }
}

static float dot(const sk_matmul *args, const uint8_t *tile, const uint8_t *row, int32_t n) {
    float sum = 0;
    if (sk_is_float(args->type)) {
        const float *x = (const float *)row;
        for (ptrdiff_t k = 0; k < args->k; k++) {
            sum = fmaf(x[k], weight_at(args->type, tile, k, n), sum);
        }
        return sum;
    }
    const sk_activation_block *x = (const sk_activation_block *)row;
    for (ptrdiff_t b = 0; b < (args->k + 31) / 32; b++) {
        sum = add_block(args->type, tile, b, n, x + b, sum);
    }
    return sum;
}

static void matmul(const sk_matmul *args) {
    const size_t x_bytes = sk_activation_bytes(args->type, args->k);
    const size_t tile_bytes = sk_tile_bytes(args->type, args->k);
    for (ptrdiff_t n = args->n_begin; n < args->n_end; n++) {
        const uint8_t *tile = (const uint8_t *)args->weights + (size_t)(n / SK_TILE_N) * tile_bytes;
        for (ptrdiff_t r = 0; r < args->rows; r++) {
            const uint8_t *row = (const uint8_t *)args->activations + (size_t)r * x_bytes;
            float value = dot(args, tile, row, (int32_t)(n % SK_TILE_N));
            value += args->bias == NULL ? 0 : args->bias[n];
            float *y = args->y + r * args->ldy + n;
            *y = args->accumulate ? *y + value : value;
        }
    }
    sk_add_outliers(args, x_bytes, sizeof(sk_activation_block));
}

/// Rounds 32 values to integers in [-127, 127]; a block with a value that is not finite gets such a
/// scale and therefore such products.
static void quantise(sk_activation_block *block, const float *x) {
    float largest = 0;
    float total = 0;
    for (int32_t i = 0; i < 32; i++) {
        largest = fmaxf(largest, fabsf(x[i]));
        total += x[i] - x[i];
    }
    memset(block, 0, sizeof *block);
    block->scale = largest / 127 + total;
    if (largest < 1e-30f) {
        block->scale = total;
    } else if (total == 0) {
        const float inverse = 127 / largest;
        int32_t sum = 0;
        for (int32_t i = 0; i < 32; i++) {
            block->codes[i] = (int8_t)nearbyintf(x[i] * inverse);
            sum += block->codes[i];
        }
        block->sum = block->scale * (float)sum;
    }
}

void sk_prepare_portable(sk_type type, void *activations, const float *x, ptrdiff_t ldx,
                         ptrdiff_t rows, ptrdiff_t k) {
    if (sk_is_float(type)) {
        sk_copy_rows(activations, x, ldx, rows, k);
        return;
    }
    const size_t bytes = sk_activation_bytes(type, k);
    for (ptrdiff_t r = 0; r < rows; r++) {
        sk_activation_block *row =
            (sk_activation_block *)((uint8_t *)activations + (size_t)r * bytes);
        for (ptrdiff_t b = 0; b < k / 32; b++) {
            quantise(row + b, x + r * ldx + 32 * b);
        }
        if (sk_is_grouped(type)) {
            float last[32];
            if (sk_last_block(last, x + r * ldx, k)) {
                quantise(row + k / 32, last);
            }
            memcpy((uint8_t *)row + sk_float_offset(k, sizeof *row), x + r * ldx, (size_t)k * 4);
        }
    }
}

void sk_fill_matmul_portable(sk_kernels *table) {
    table->activation_bytes = sk_activation_bytes;
    table->prepare = sk_prepare_portable;
    table->matmul = matmul;
}
