// Rows of other types, written once for all levels with vectors.

#include "half.h"

typedef uint8_t sk_b16 __attribute__((ext_vector_type(16)));
typedef uint8_t sk_b32 __attribute__((ext_vector_type(32)));

SK_INLINE LEVEL float half(const uint8_t *bytes) {
    _Float16 value;
    memcpy(&value, bytes, sizeof value);
    return (float)value;
}

SK_INLINE LEVEL sk_b32 bytes32(const uint8_t *bytes) {
    sk_b32 v;
    memcpy(&v, bytes, sizeof v);
    return v;
}

/// WIDTH of 32 signed bytes, from the first on.
SK_INLINE LEVEL sk_v values_at(const sk_b32 *bytes, int first) {
    sk_vb some;
    memcpy(&some, (const char *)bytes + first, sizeof some);
    return __builtin_convertvector(some, sk_v);
}

/// y[i] = value[i] * factor for 32 signed bytes, of which the last 16 have a factor of their own.
SK_INLINE LEVEL void scaled(float *y, sk_b32 bytes, float factor, float last) {
    for (int i = 0; i < 32; i += WIDTH) {
        sk_store(y + i, values_at(&bytes, i) * (i < 16 ? factor : last));
    }
}

/// y[i] = value[i] * factor + offset, the product rounded first.
SK_INLINE LEVEL void offset_by(float *y, sk_b32 bytes, float factor, float offset) {
    for (int i = 0; i < 32; i += WIDTH) {
        sk_store(y + i, values_at(&bytes, i) * factor + offset);
    }
}

/// Low nibbles of 16 bytes, then high nibbles.
SK_INLINE LEVEL sk_b32 nibbles16(const uint8_t *bytes) {
    sk_b16 v;
    memcpy(&v, bytes, sizeof v);
    sk_b32 both;
    both.lo = v & 15;
    both.hi = v >> 4;
    return both;
}

/// 16 in each byte whose bit among 32 is set.
SK_INLINE LEVEL sk_b32 fifth_bits(const uint8_t *bytes) {
    typedef uint8_t four __attribute__((ext_vector_type(4)));
    four bits;
    memcpy(&bits, bytes, sizeof bits);
    const sk_b32 spread =
        __builtin_shufflevector(bits, bits, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2,
                                2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
    const sk_b32 which = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128,
                          1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    return (sk_b32)((spread & which) == which) & 16;
}

/// Sub-block s of 32 nibbles: the low ones of 32 bytes for even s, the high ones for odd s.
SK_INLINE LEVEL sk_b32 nibbles32(const uint8_t *bytes, int odd) {
    return odd ? bytes32(bytes) >> 4 : bytes32(bytes) & 15;
}

/// Q4_K and Q5_K, which has 32 bytes of fifth bits before the nibbles.
SK_INLINE LEVEL void k_blocks(float *y, const uint8_t *row, ptrdiff_t k, int fifth) {
    for (ptrdiff_t i = 0; i < k; i += 256, row += fifth ? 176 : 144) {
        const float d = half(row), dmin = half(row + 2);
        const uint8_t *nibbles = row + (fifth ? 48 : 16);
        const sk_b32 high = bytes32(row + 16);
        for (int s = 0; s < 8; s++) {
            uint8_t scale, minimum;
            sk_k_scale_min(row + 4, s, &scale, &minimum);
            sk_b32 values = nibbles32(nibbles + 32 * (s / 2), s % 2);
            if (fifth) {
                const sk_b32 bit = (sk_b32){0} + (uint8_t)(1 << s);
                values |= (sk_b32)((high & bit) == bit) & 16;
            }
            offset_by(y + i + 32 * s, values, d * (float)scale, -(dmin * (float)minimum));
        }
    }
}

SK_INLINE LEVEL void q6_blocks(float *y, const uint8_t *row, ptrdiff_t k) {
    for (ptrdiff_t i = 0; i < k; i += 256, row += 210) {
        const int8_t *scales = (const int8_t *)(row + 192);
        const float d = half(row + 208);
        for (int quarter = 0; quarter < 8; quarter++) {
            const int part = quarter % 4;
            const uint8_t *low = row + 64 * (quarter / 4) + 32 * (part % 2);
            const sk_b32 high = bytes32(row + 128 + 32 * (quarter / 4)) >> (uint8_t)(2 * part) & 3;
            const sk_b32 values = (nibbles32(low, part / 2) | high << 4) - 32;
            scaled(y + i + 32 * quarter, values, d * (float)scales[2 * quarter],
                   d * (float)scales[2 * quarter + 1]);
        }
    }
}

SK_INLINE LEVEL void widen_all(sk_type type, float *y, const uint8_t *row, ptrdiff_t k) {
    ptrdiff_t i = 0;
    for (; i + WIDTH <= k; i += WIDTH) {
        sk_store(y + i, sk_widen(type, row + 2 * i));
    }
    sk_dequantize_portable(type, y + i, row + 2 * i, k - i);
}

LEVEL static void dequantize(sk_type type, float *y, const void *source, ptrdiff_t k) {
    const uint8_t *row = source;
    float d;
    switch (type) {
    case SK_F16:
        widen_all(SK_F16, y, row, k);
        break;
    case SK_BF16:
        widen_all(SK_BF16, y, row, k);
        break;
    case SK_Q4_0:
        for (ptrdiff_t i = 0; i < k; i += 32, row += 18) {
            d = half(row);
            scaled(y + i, nibbles16(row + 2) - 8, d, d);
        }
        break;
    case SK_Q4_1:
        for (ptrdiff_t i = 0; i < k; i += 32, row += 20) {
            offset_by(y + i, nibbles16(row + 4), half(row), half(row + 2));
        }
        break;
    case SK_Q5_0:
        for (ptrdiff_t i = 0; i < k; i += 32, row += 22) {
            d = half(row);
            scaled(y + i, (nibbles16(row + 6) | fifth_bits(row + 2)) - 16, d, d);
        }
        break;
    case SK_Q5_1:
        for (ptrdiff_t i = 0; i < k; i += 32, row += 24) {
            offset_by(y + i, nibbles16(row + 8) | fifth_bits(row + 4), half(row), half(row + 2));
        }
        break;
    case SK_Q8_0:
        for (ptrdiff_t i = 0; i < k; i += 32, row += 34) {
            d = half(row);
            scaled(y + i, bytes32(row + 2), d, d);
        }
        break;
    case SK_Q4_K:
        k_blocks(y, row, k, 0);
        break;
    case SK_Q5_K:
        k_blocks(y, row, k, 1);
        break;
    case SK_Q6_K:
        q6_blocks(y, row, k);
        break;
    default:
        sk_dequantize_portable(type, y, row, k);
        break;
    }
}

/// The nearest bfloat16, ties to even; NaN is quieted.
SK_INLINE LEVEL sk_vs bfloats(sk_v v) {
    const sk_vu bits = (sk_vu)v;
    const sk_vu even = bits + 0x7fff + (bits >> 16 & 1);
    const sk_vu chosen = v == v ? even : bits | 0x400000;
    return __builtin_convertvector(chosen >> 16, sk_vs);
}

LEVEL static void narrow(sk_type type, void *y, const float *x, ptrdiff_t n) {
    uint16_t *out = y;
    ptrdiff_t i = 0;
    if (type == SK_F16) {
        for (; i + WIDTH <= n; i += WIDTH) {
            const sk_vh v = __builtin_convertvector(sk_load(x + i), sk_vh);
            memcpy(out + i, &v, sizeof v);
        }
    } else if (type == SK_BF16) {
        for (; i + WIDTH <= n; i += WIDTH) {
            const sk_vs v = bfloats(sk_load(x + i));
            memcpy(out + i, &v, sizeof v);
        }
    } else {
        sk_narrow_portable(type, y, x, n);
        return;
    }
    sk_narrow_portable(type, out + i, x + i, n - i);
}

SK_INLINE void fill_table(sk_kernels *table) {
    table->dequantize = dequantize;
    table->narrow = narrow;
}
