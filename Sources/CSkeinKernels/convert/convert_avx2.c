#include "convert.h"

#if defined(SK_X86)

#include "../elementwise/math_avx2.h"
#include "half.h"

// Every value has the bits of the portable level.

SK_TARGET_AVX2 static void dequantize_f16(float *y, const uint8_t *row, ptrdiff_t k) {
    ptrdiff_t i = 0;
    for (; i + 8 <= k; i += 8) {
        __m128i half = _mm_loadu_si128((const __m128i *)(const void *)(row + 2 * i));
        _mm256_storeu_ps(y + i, _mm256_cvtph_ps(half));
    }
    for (; i < k; i++) {
        y[i] = sk_half_to_float(sk_load_u16(row + 2 * i));
    }
}

SK_TARGET_AVX2 static void dequantize_bf16(float *y, const uint8_t *row, ptrdiff_t k) {
    ptrdiff_t i = 0;
    for (; i + 8 <= k; i += 8) {
        __m128i half = _mm_loadu_si128((const __m128i *)(const void *)(row + 2 * i));
        __m256i bits = _mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16);
        _mm256_storeu_ps(y + i, _mm256_castsi256_ps(bits));
    }
    for (; i < k; i++) {
        y[i] = sk_bfloat_to_float(sk_load_u16(row + 2 * i));
    }
}

/// Stores the 16 signed bytes times d.
SK_TARGET_AVX2 SK_INLINE void store_scaled(float *y, __m128i bytes, __m256 d) {
    __m256 low = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
    __m256 high = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_unpackhi_epi64(bytes, bytes)));
    _mm256_storeu_ps(y, _mm256_mul_ps(low, d));
    _mm256_storeu_ps(y + 8, _mm256_mul_ps(high, d));
}

/// Stores the 16 signed bytes times d, plus m.
SK_TARGET_AVX2 SK_INLINE void store_moved(float *y, __m128i bytes, __m256 d, __m256 m) {
    __m256 low = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
    __m256 high = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_unpackhi_epi64(bytes, bytes)));
    _mm256_storeu_ps(y, _mm256_add_ps(_mm256_mul_ps(low, d), m));
    _mm256_storeu_ps(y + 8, _mm256_add_ps(_mm256_mul_ps(high, d), m));
}

SK_TARGET_AVX2 SK_INLINE __m128i load_bytes(const uint8_t *bytes) {
    return _mm_loadu_si128((const __m128i *)(const void *)bytes);
}

SK_TARGET_AVX2 SK_INLINE __m128i low_nibbles(__m128i bytes) {
    return _mm_and_si128(bytes, _mm_set1_epi8(15));
}

SK_TARGET_AVX2 SK_INLINE __m128i high_nibbles(__m128i bytes) {
    return low_nibbles(_mm_srli_epi16(bytes, 4));
}

SK_TARGET_AVX2 static void dequantize_q4_0(float *y, const uint8_t *row, ptrdiff_t k) {
    for (ptrdiff_t i = 0; i < k; i += 32, row += 18) {
        __m256 d = _mm256_set1_ps(sk_half_to_float(sk_load_u16(row)));
        __m128i bytes = load_bytes(row + 2), eight = _mm_set1_epi8(8);
        store_scaled(y + i, _mm_sub_epi8(low_nibbles(bytes), eight), d);
        store_scaled(y + i + 16, _mm_sub_epi8(high_nibbles(bytes), eight), d);
    }
}

SK_TARGET_AVX2 static void dequantize_q4_1(float *y, const uint8_t *row, ptrdiff_t k) {
    for (ptrdiff_t i = 0; i < k; i += 32, row += 20) {
        __m256 d = _mm256_set1_ps(sk_half_to_float(sk_load_u16(row)));
        __m256 m = _mm256_set1_ps(sk_half_to_float(sk_load_u16(row + 2)));
        __m128i bytes = load_bytes(row + 4);
        store_moved(y + i, low_nibbles(bytes), d, m);
        store_moved(y + i + 16, high_nibbles(bytes), d, m);
    }
}

SK_TARGET_AVX2 static void dequantize_q8_0(float *y, const uint8_t *row, ptrdiff_t k) {
    for (ptrdiff_t i = 0; i < k; i += 32, row += 34) {
        __m256 d = _mm256_set1_ps(sk_half_to_float(sk_load_u16(row)));
        store_scaled(y + i, load_bytes(row + 2), d);
        store_scaled(y + i + 16, load_bytes(row + 18), d);
    }
}

SK_TARGET_AVX2 static void dequantize_q4_k(float *y, const uint8_t *row, ptrdiff_t k) {
    for (ptrdiff_t i = 0; i < k; i += 256, row += 144) {
        float d = sk_half_to_float(sk_load_u16(row));
        float dmin = sk_half_to_float(sk_load_u16(row + 2));
        for (int s = 0; s < 8; s++) {
            uint8_t scale, minimum;
            sk_k_scale_min(row + 4, s, &scale, &minimum);
            __m256 factor = _mm256_set1_ps(d * (float)scale);
            __m256 offset = _mm256_set1_ps(-(dmin * (float)minimum));
            for (int part = 0; part < 2; part++) {
                __m128i bytes = load_bytes(row + 16 + 32 * (s / 2) + 16 * part);
                __m128i values = s % 2 ? high_nibbles(bytes) : low_nibbles(bytes);
                store_moved(y + i + 32 * s + 16 * part, values, factor, offset);
            }
        }
    }
}

SK_TARGET_AVX2 static void dequantize_q6_k(float *y, const uint8_t *row, ptrdiff_t k) {
    for (ptrdiff_t i = 0; i < k; i += 256, row += 210) {
        float d = sk_half_to_float(sk_load_u16(row + 208));
        for (int part = 0; part < 16; part++) {
            int half = part / 8, quarter = part / 2 % 4, offset = 16 * (part % 2);
            __m128i low = load_bytes(row + 64 * half + 32 * (quarter % 2) + offset);
            __m128i high = load_bytes(row + 128 + 32 * half + offset);
            low = quarter / 2 ? high_nibbles(low) : low_nibbles(low);
            high = _mm_srl_epi16(high, _mm_cvtsi32_si128(2 * quarter));
            high = _mm_slli_epi16(_mm_and_si128(high, _mm_set1_epi8(3)), 4);
            __m128i values = _mm_sub_epi8(_mm_or_si128(low, high), _mm_set1_epi8(32));
            float factor = d * (float)(int8_t)row[192 + part];
            store_scaled(y + i + 16 * part, values, _mm256_set1_ps(factor));
        }
    }
}

void sk_dequantize_avx2(sk_type type, float *y, const void *row, ptrdiff_t k) {
    switch (type) {
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
    case SK_Q8_0:
        dequantize_q8_0(y, row, k);
        break;
    case SK_Q4_K:
        dequantize_q4_k(y, row, k);
        break;
    case SK_Q6_K:
        dequantize_q6_k(y, row, k);
        break;
    default:
        sk_dequantize_portable(type, y, row, k);
        break;
    }
}

SK_TARGET_AVX2 static void narrow_f16(uint16_t *y, const float *x, ptrdiff_t n) {
    ptrdiff_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m128i half = _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT);
        _mm_storeu_si128((__m128i *)(void *)(y + i), half);
    }
    for (; i < n; i++) {
        y[i] = sk_float_to_half(x[i]);
    }
}

SK_TARGET_AVX2 static void narrow_bf16(uint16_t *y, const float *x, ptrdiff_t n) {
    ptrdiff_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256 value = _mm256_loadu_ps(x + i);
        __m256i bits = _mm256_castps_si256(value);
        __m256i top = _mm256_srli_epi32(bits, 16);
        __m256i odd = _mm256_and_si256(top, _mm256_set1_epi32(1));
        __m256i rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
        rounded = _mm256_srli_epi32(rounded, 16);
        __m256i quiet = _mm256_or_si256(top, _mm256_set1_epi32(0x40));
        __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(value, value, _CMP_UNORD_Q));
        rounded = _mm256_blendv_epi8(rounded, quiet, nan);
        __m256i packed = _mm256_packus_epi32(rounded, rounded);
        packed = _mm256_permute4x64_epi64(packed, 0x08);
        _mm_storeu_si128((__m128i *)(void *)(y + i), _mm256_castsi256_si128(packed));
    }
    for (; i < n; i++) {
        y[i] = sk_float_to_bfloat(x[i]);
    }
}

static void narrow(sk_type type, void *y, const float *x, ptrdiff_t n) {
    switch (type) {
    case SK_F16:
        narrow_f16(y, x, n);
        break;
    case SK_BF16:
        narrow_bf16(y, x, n);
        break;
    default:
        sk_narrow_portable(type, y, x, n);
        break;
    }
}

void sk_convert_avx2(sk_kernels *table) {
    table->dequantize = sk_dequantize_avx2;
    table->narrow = narrow;
}

#endif
