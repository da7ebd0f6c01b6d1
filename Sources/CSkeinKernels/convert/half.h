#ifndef SK_HALF_H
#define SK_HALF_H

#include "../internal.h"

#include <string.h>

SK_INLINE uint32_t sk_float_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

SK_INLINE float sk_bits_float(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/// The value of an IEEE half; NaN payloads are kept and quieted.
SK_INLINE float sk_half_to_float(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    uint32_t rest = half & 0x7fff;
    if (rest >= 0x7c00) {
        uint32_t quiet = rest > 0x7c00 ? 0x400000 : 0;
        return sk_bits_float(sign | 0x7f800000 | quiet | (rest & 0x3ff) << 13);
    }
    // The exponent is moved from bias 15 to bias 127 by a product, which normalises subnormals too.
    float magnitude = sk_bits_float(rest << 13) * 0x1p112f;
    return sk_bits_float(sign | sk_float_bits(magnitude));
}

/// Rounds to the nearest half, ties to even.
SK_INLINE uint16_t sk_float_to_half(float value) {
    uint32_t bits = sk_float_bits(value);
    uint32_t sign = bits >> 16 & 0x8000;
    uint32_t rest = bits & 0x7fffffff;
    if (rest > 0x7f800000) {
        return (uint16_t)(sign | 0x7e00 | (rest >> 13 & 0x3ff));
    }
    if (rest >= 0x47800000) { // 2^16 and above
        return (uint16_t)(sign | 0x7c00);
    }
    if (rest < 0x38800000) { // below 2^-14: adding 0.5 leaves the rounded subnormal in the low bits
        uint32_t sum = sk_float_bits(sk_bits_float(rest) + 0.5f);
        return (uint16_t)(sign | (sum - 0x3f000000));
    }
    uint32_t odd = rest >> 13 & 1;
    return (uint16_t)(sign | (rest - 0x38000000 + 0xfff + odd) >> 13);
}

SK_INLINE float sk_bfloat_to_float(uint16_t bfloat) {
    return sk_bits_float((uint32_t)bfloat << 16);
}

/// Rounds to the nearest bfloat16, ties to even; NaNs are quieted.
SK_INLINE uint16_t sk_float_to_bfloat(float value) {
    uint32_t bits = sk_float_bits(value);
    if ((bits & 0x7fffffff) > 0x7f800000) {
        return (uint16_t)(bits >> 16 | 0x40);
    }
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

SK_INLINE uint16_t sk_load_u16(const uint8_t *bytes) {
    uint16_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

#endif
