#include "convert.h"

#include "half.h"

// Values are formed as the format's reference does: products first, then one subtraction or
// addition, each rounded, so every level gives the same bits.

static void dequantize_f16(float *y, const uint8_t *row, ptrdiff_t k) {
    for (ptrdiff_t i = 0; i < k; i++) {
        y[i] = sk_half_to_float(sk_load_u16(row + 2 * i));
    }
}

static void dequantize_bf16(float *y, const uint8_t *row, ptrdiff_t k) {
    for (ptrdiff_t i = 0; i < k; i++) {
        y[i] = sk_bfloat_to_float(sk_load_u16(row + 2 * i));
    }
}

/// f16 scale, then 16 bytes whose low nibbles are values 0 ..< 16 and high nibbles 16 ..< 32.
static void dequantize_q4_0(float *y, const uint8_t *row, ptrdiff_t k) {
    for (ptrdiff_t i = 0; i < k; i += 32, row += 18) {
        float d = sk_half_to_float(sk_load_u16(row));
        for (int j = 0; j < 16; j++) {
            uint8_t byte = row[2 + j];
            y[i + j] = (float)((byte & 15) - 8) * d;
            y[i + j + 16] = (float)((byte >> 4) - 8) * d;
        }
    }
}

/// f16 scale, f16 minimum, nibbles.
static void dequantize_q4_1(float *y, const uint8_t *row, ptrdiff_t k) {
    for (ptrdiff_t i = 0; i < k; i += 32, row += 20) {
        float d = sk_half_to_float(sk_load_u16(row));
        float m = sk_half_to_float(sk_load_u16(row + 2));
        for (int j = 0; j < 16; j++) {
            uint8_t byte = row[4 + j];
            y[i + j] = (float)(byte & 15) * d + m;
            y[i + j + 16] = (float)(byte >> 4) * d + m;
        }
    }
}

/// The 32 five-bit values of nibbles and their fifth bits.
SK_INLINE void five_bits(int32_t *values, const uint8_t *high, const uint8_t *nibbles) {
    for (int j = 0; j < 16; j++) {
        int32_t low_bit = high[j / 8] >> (j % 8) & 1;
        int32_t high_bit = high[2 + j / 8] >> (j % 8) & 1;
        values[j] = (nibbles[j] & 15) | low_bit << 4;
        values[j + 16] = nibbles[j] >> 4 | high_bit << 4;
    }
}

/// f16 scale, 32 fifth bits, nibbles.
static void dequantize_q5_0(float *y, const uint8_t *row, ptrdiff_t k) {
    for (ptrdiff_t i = 0; i < k; i += 32, row += 22) {
        float d = sk_half_to_float(sk_load_u16(row));
        int32_t values[32];
        five_bits(values, row + 2, row + 6);
        for (int j = 0; j < 32; j++) {
            y[i + j] = (float)(values[j] - 16) * d;
        }
    }
}

/// f16 scale, f16 minimum, 32 fifth bits, nibbles.
static void dequantize_q5_1(float *y, const uint8_t *row, ptrdiff_t k) {
    for (ptrdiff_t i = 0; i < k; i += 32, row += 24) {
        float d = sk_half_to_float(sk_load_u16(row));
        float m = sk_half_to_float(sk_load_u16(row + 2));
        int32_t values[32];
        five_bits(values, row + 4, row + 8);
        for (int j = 0; j < 32; j++) {
            y[i + j] = (float)values[j] * d + m;
        }
    }
}

/// f16 scale, 32 signed bytes.
static void dequantize_q8_0(float *y, const uint8_t *row, ptrdiff_t k) {
    for (ptrdiff_t i = 0; i < k; i += 32, row += 34) {
        float d = sk_half_to_float(sk_load_u16(row));
        for (int j = 0; j < 32; j++) {
            y[i + j] = (float)(int8_t)row[2 + j] * d;
        }
    }
}

/// f16 scale and minimum of the 256, twelve bytes of eight six-bit pairs, nibbles in four groups of
/// 32 bytes: low nibbles are sub-block 2g, high ones 2g + 1.
static void dequantize_q4_k(float *y, const uint8_t *row, ptrdiff_t k) {
    for (ptrdiff_t i = 0; i < k; i += 256, row += 144) {
        float d = sk_half_to_float(sk_load_u16(row));
        float dmin = sk_half_to_float(sk_load_u16(row + 2));
        for (int s = 0; s < 8; s++) {
            uint8_t scale, minimum;
            sk_k_scale_min(row + 4, s, &scale, &minimum);
            float factor = d * (float)scale;
            float offset = dmin * (float)minimum;
            const uint8_t *nibbles = row + 16 + 32 * (s / 2);
            for (int j = 0; j < 32; j++) {
                y[i + 32 * s + j] = factor * (float)(nibbles[j] >> 4 * (s % 2) & 15) - offset;
            }
        }
    }
}

/// Q4_K with 32 bytes of fifth bits before the nibbles: bit s of byte j belongs to sub-block s.
static void dequantize_q5_k(float *y, const uint8_t *row, ptrdiff_t k) {
    for (ptrdiff_t i = 0; i < k; i += 256, row += 176) {
        float d = sk_half_to_float(sk_load_u16(row));
        float dmin = sk_half_to_float(sk_load_u16(row + 2));
        const uint8_t *high = row + 16;
        for (int s = 0; s < 8; s++) {
            uint8_t scale, minimum;
            sk_k_scale_min(row + 4, s, &scale, &minimum);
            float factor = d * (float)scale;
            float offset = dmin * (float)minimum;
            const uint8_t *nibbles = row + 48 + 32 * (s / 2);
            for (int j = 0; j < 32; j++) {
                int value = (nibbles[j] >> 4 * (s % 2) & 15) | (high[j] >> s & 1) << 4;
                y[i + 32 * s + j] = factor * (float)value - offset;
            }
        }
    }
}

/// 128 bytes of low nibbles, 64 bytes of high bit pairs, 16 signed scales, f16 scale. Each half of
/// the block holds 128 values as four quarters of 32 that share 64 low bytes and 32 high bytes.
static void dequantize_q6_k(float *y, const uint8_t *row, ptrdiff_t k) {
    for (ptrdiff_t i = 0; i < k; i += 256, row += 210) {
        const int8_t *scales = (const int8_t *)(row + 192);
        float d = sk_half_to_float(sk_load_u16(row + 208));
        for (int quarter = 0; quarter < 8; quarter++) {
            int half = quarter / 4, part = quarter % 4;
            const uint8_t *low = row + 64 * half + 32 * (part % 2);
            const uint8_t *high = row + 128 + 32 * half;
            for (int j = 0; j < 32; j++) {
                int value = (low[j] >> 4 * (part / 2) & 15) | (high[j] >> 2 * part & 3) << 4;
                float factor = d * (float)scales[2 * quarter + j / 16];
                y[i + 32 * quarter + j] = factor * (float)(value - 32);
            }
        }
    }
}

void sk_dequantize_portable(sk_type type, float *y, const void *row, ptrdiff_t k) {
    switch (type) {
    case SK_F32:
        memcpy(y, row, (size_t)k * sizeof *y);
        break;
    case SK_F16:
        dequantize_f16(y, row, k);
        break;
    case SK_BF16:
        dequantize_bf16(y, row, k);
        break;
    case SK_Q4_0:
        dequantize_q4_0(y, row, k);
        break;
    case SK_Q4_1:
        dequantize_q4_1(y, row, k);
        break;
    case SK_Q5_0:
        dequantize_q5_0(y, row, k);
        break;
    case SK_Q5_1:
        dequantize_q5_1(y, row, k);
        break;
    case SK_Q8_0:
        dequantize_q8_0(y, row, k);
        break;
    case SK_Q4_K:
        dequantize_q4_k(y, row, k);
        break;
    case SK_Q5_K:
        dequantize_q5_k(y, row, k);
        break;
    case SK_Q6_K:
        dequantize_q6_k(y, row, k);
        break;
    default:
        break;
    }
}

void sk_narrow_portable(sk_type type, void *y, const float *x, ptrdiff_t n) {
    uint16_t *narrow = y;
    switch (type) {
    case SK_F32:
        memmove(y, x, (size_t)n * sizeof *x);
        break;
    case SK_F16:
        for (ptrdiff_t i = 0; i < n; i++) {
            narrow[i] = sk_float_to_half(x[i]);
        }
        break;
    case SK_BF16:
        for (ptrdiff_t i = 0; i < n; i++) {
            narrow[i] = sk_float_to_bfloat(x[i]);
        }
        break;
    default:
        break;
    }
}

void sk_fill_convert(sk_kernels *table) {
    table->dequantize = sk_dequantize_portable;
    table->narrow = sk_narrow_portable;
    SK_FILL_LEVEL(convert, table);
}
