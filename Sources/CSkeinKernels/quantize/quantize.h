#ifndef SK_QUANTIZE_H
#define SK_QUANTIZE_H

#include "../internal.h"

/// The searches, written once; each level compiles them with its own instructions. Sums run in
/// SK_LANES lanes that are added up at the end, so bits do not depend on the level.
enum { SK_LANES = 16 };

/// Codes c = round(x * inverse) within [low, high] as floats.
SK_INLINE float sk_code(float x, float inverse, float low, float high) {
    const float rounder = 12582912; // 1.5 * 2^23: adding it rounds to nearest even
    float t = x * inverse;
    t = t < low ? low : t;
    t = t > high ? high : t;
    return (t + rounder) - rounder;
}

SK_INLINE float sk_sum_lanes(const float *lanes) {
    float sum[SK_LANES / 2];
    for (int i = 0; i < SK_LANES / 2; i++) {
        sum[i] = lanes[i] + lanes[i + SK_LANES / 2];
    }
    return ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
}

/// a = sum of x * c, b = sum of c * c, over n values; a tail is padded with zeros.
SK_INLINE void sk_code_products(const float *x, ptrdiff_t n, float inverse, float low, float high,
                                float *a, float *b) {
    float as[SK_LANES] = {0};
    float bs[SK_LANES] = {0};
    ptrdiff_t i = 0;
    for (; i + SK_LANES <= n; i += SK_LANES) {
        for (int l = 0; l < SK_LANES; l++) {
            const float c = sk_code(x[i + l], inverse, low, high);
            as[l] += x[i + l] * c;
            bs[l] += c * c;
        }
    }
    for (; i < n; i++) {
        const float c = sk_code(x[i], inverse, low, high);
        as[i % SK_LANES] += x[i] * c;
        bs[i % SK_LANES] += c * c;
    }
    *a = sk_sum_lanes(as);
    *b = sk_sum_lanes(bs);
}

/// Sum of (x - scale * c)².
SK_INLINE float sk_code_error(const float *x, ptrdiff_t n, float scale, float low, float high) {
    const float inverse = scale == 0 ? 0 : 1 / scale;
    float es[SK_LANES] = {0};
    ptrdiff_t i = 0;
    for (; i + SK_LANES <= n; i += SK_LANES) {
        for (int l = 0; l < SK_LANES; l++) {
            const float e = x[i + l] - scale * sk_code(x[i + l], inverse, low, high);
            es[l] += e * e;
        }
    }
    for (; i < n; i++) {
        const float e = x[i] - scale * sk_code(x[i], inverse, low, high);
        es[i % SK_LANES] += e * e;
    }
    return sk_sum_lanes(es);
}

/// The value of largest magnitude, with its sign.
SK_INLINE float sk_extreme(const float *x, ptrdiff_t n) {
    float highs[SK_LANES] = {0};
    float lows[SK_LANES] = {0};
    ptrdiff_t i = 0;
    for (; i + SK_LANES <= n; i += SK_LANES) {
        for (int l = 0; l < SK_LANES; l++) {
            highs[l] = x[i + l] > highs[l] ? x[i + l] : highs[l];
            lows[l] = x[i + l] < lows[l] ? x[i + l] : lows[l];
        }
    }
    for (; i < n; i++) {
        highs[0] = x[i] > highs[0] ? x[i] : highs[0];
        lows[0] = x[i] < lows[0] ? x[i] : lows[0];
    }
    float high = highs[0];
    float low = lows[0];
    for (int l = 1; l < SK_LANES; l++) {
        high = highs[l] > high ? highs[l] : high;
        low = lows[l] < low ? lows[l] : low;
    }
    return high >= -low ? high : low;
}

/// Rounds to binary16, nearest even; overflow becomes infinity.
SK_INLINE uint16_t sk_half_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    const uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    bits &= 0x7fffffff;
    if (bits >= 0x47800000) {
        return sign | 0x7c00;
    }
    if (bits < 0x38800000) {
        float magnitude;
        memcpy(&magnitude, &bits, 4);
        const float shifted = magnitude + 0.5f; // 0.5 has the unit 2^-24 in its last place
        memcpy(&bits, &shifted, 4);
        return sign | (uint16_t)(bits - 0x3f000000);
    }
    bits += 0xc8000fff + (bits >> 13 & 1);
    return sign | (uint16_t)(bits >> 13);
}

/// The scale of least squared error for codes within [-zero, zero - 1]: the best of `steps` ranges
/// from the extreme value down to `shrink` of it, refined by alternating codes and scale.
SK_INLINE void sk_fit_scale_body(sk_scale_fit *fit, const float *x, ptrdiff_t n, int32_t bits,
                                 int32_t steps, float shrink) {
    const float zero = (float)(1 << (bits - 1));
    const float extreme = sk_extreme(x, n);
    fit->scale = 0;
    fit->error = 0;
    if (extreme == 0) {
        return;
    }
    float best = -1;
    float scale = 0;
    for (int32_t j = 0; j < steps; j++) {
        const float share = steps < 2 ? 1 : 1 - (1 - shrink) * (float)j / (float)(steps - 1);
        float a, b;
        sk_code_products(x, n, -zero / (extreme * share), -zero, zero - 1, &a, &b);
        if (b > 0 && a * (a / b) > best) {
            best = a * (a / b);
            scale = a / b;
        }
    }
    for (int32_t round = 0; round < 8 && scale != 0; round++) {
        float a, b;
        sk_code_products(x, n, 1 / scale, -zero, zero - 1, &a, &b);
        if (!(b > 0 && a * (a / b) > best * (1 + 1e-6f))) {
            break;
        }
        best = a * (a / b);
        scale = a / b;
    }
    fit->scale = sk_float_of_half(sk_half_of(scale));
    fit->error = sk_code_error(x, n, fit->scale, -zero, zero - 1);
}

/// |x|^-0.3, to about 1 %: what half-quadratic splitting shrinks by.
SK_INLINE float sk_shrinkage(float x) {
    uint32_t bits;
    const float magnitude = x < 0 ? -x : x;
    memcpy(&bits, &magnitude, 4);
    // The exponent's share of a power, then one step towards the root of y^10 * x^3 = 1.
    const uint32_t guess = (uint32_t)(1065353216.0f * 1.3f - 0.3f * (float)bits);
    float y;
    memcpy(&y, &guess, 4);
    const float y2 = y * y;
    const float y5 = y2 * y2 * y;
    const float cube = magnitude * magnitude * magnitude;
    return y * (1.1f - 0.1f * cube * (y5 * y5));
}

/// Half-quadratic quantisation: the scale of the range, and the zero point that suits a norm below
/// one of the error, so that large errors of few values do not draw it away.
SK_INLINE void sk_fit_half_quadratic_body(sk_affine_fit *fit, const float *x, ptrdiff_t n,
                                          int32_t bits, int32_t rounds) {
    const float top = (float)((1 << bits) - 1);
    const float middle = (float)(1 << (bits - 1));
    float high = x[0];
    float low = x[0];
    for (ptrdiff_t i = 1; i < n; i++) {
        high = x[i] > high ? x[i] : high;
        low = x[i] < low ? x[i] : low;
    }
    float scale = (high - low) / top;
    scale = sk_float_of_half(sk_half_of(scale));
    float zero = scale == 0 ? 0 : -low / scale;
    const float inverse = scale == 0 ? 0 : 1 / scale;
    float best_zero = zero;
    float best = -1;
    float beta = 10;
    for (int32_t round = 0; round < rounds && scale != 0; round++) {
        float zeros[SK_LANES] = {0};
        float errors[SK_LANES] = {0};
        for (ptrdiff_t i = 0; i < n; i++) {
            const float q = sk_code(x[i] + zero * scale, inverse, 0, top);
            const float e = x[i] - scale * (q - zero);
            const float magnitude = e < 0 ? -e : e;
            float kept = magnitude - sk_shrinkage(magnitude + 1e-12f) / beta;
            kept = kept < 0 ? 0 : kept;
            kept = e < 0 ? -kept : kept;
            errors[i % SK_LANES] += magnitude;
            zeros[i % SK_LANES] += q - (x[i] - kept) * inverse;
        }
        const float error = sk_sum_lanes(errors);
        if (best >= 0 && error >= best) {
            break;
        }
        best = error;
        best_zero = zero;
        zero = sk_sum_lanes(zeros) / (float)n;
        beta *= 1.01f;
    }
    fit->scale = scale;
    fit->minimum = scale == 0 ? low : scale * (middle - best_zero);
    fit->minimum = sk_float_of_half(sk_half_of(fit->minimum));
}

/// Sums of the first four powers, in double precision and a fixed order.
SK_INLINE void sk_power_sums_body(double *sums, const float *x, ptrdiff_t n) {
    double lanes[4][8] = {{0}};
    for (ptrdiff_t i = 0; i < n; i++) {
        const double v = (double)x[i];
        lanes[0][i % 8] += v;
        lanes[1][i % 8] += v * v;
        lanes[2][i % 8] += v * v * v;
        lanes[3][i % 8] += (v * v) * (v * v);
    }
    for (int p = 0; p < 4; p++) {
        sums[p] = ((lanes[p][0] + lanes[p][4]) + (lanes[p][2] + lanes[p][6])) +
                  ((lanes[p][1] + lanes[p][5]) + (lanes[p][3] + lanes[p][7]));
    }
}

/// Codes plus 2^(bits - 1), lowest bits first; the first begins a byte.
SK_INLINE void sk_encode_codes_body(uint8_t *codes, const float *x, ptrdiff_t n, int32_t bits,
                                    float scale, float minimum) {
    const float zero = (float)(1 << (bits - 1));
    const float inverse = scale == 0 ? 0 : 1 / scale;
    uint8_t block[64];
    for (ptrdiff_t first = 0; first < n; first += 64) {
        const ptrdiff_t values = n - first < 64 ? n - first : 64;
        for (ptrdiff_t i = 0; i < values; i++) {
            const float c = sk_code(x[first + i] - minimum, inverse, -zero, zero - 1);
            block[i] = (uint8_t)(int32_t)(c + zero);
        }
        // Eight codes fill `bits` bytes; those after the last value are zeros.
        for (ptrdiff_t i = 0; i < values; i += 8) {
            const ptrdiff_t count = values - i < 8 ? values - i : 8;
            uint64_t word = 0;
            for (ptrdiff_t j = 0; j < count; j++) {
                word |= (uint64_t)block[i + j] << (j * bits);
            }
            for (ptrdiff_t byte = 0; byte < (count * bits + 7) / 8; byte++) {
                *codes++ = (uint8_t)(word >> (8 * byte));
            }
        }
    }
}

#endif
