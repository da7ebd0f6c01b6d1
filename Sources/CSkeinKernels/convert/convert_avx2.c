#include "convert.h"

#if defined(SK_X86)
#include "half.h"

#include <immintrin.h>

SK_INLINE SK_TARGET_AVX2 float half(const uint8_t *bytes) { return _cvtsh_ss(sk_load_u16(bytes)); }

/// y[i] = value[i] * factor for 32 signed bytes.
SK_INLINE SK_TARGET_AVX2 void scaled(float *y, __m256i values, float factor) {
    for (int i = 0; i < 4; i++) {
        __m128i bytes =
            i < 2 ? _mm256_castsi256_si128(values) : _mm256_extracti128_si256(values, 1);
        bytes = i % 2 ? _mm_srli_si128(bytes, 8) : bytes;
        __m256 v = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
        _mm256_storeu_ps(y + 8 * i, _mm256_mul_ps(v, _mm256_set1_ps(factor)));
    }
}

/// y[i] = value[i] * factor + offset, the product rounded first.
SK_INLINE SK_TARGET_AVX2 void offset_by(float *y, __m256i values, float factor, float offset) {
    for (int i = 0; i < 4; i++) {
        __m128i bytes =
            i < 2 ? _mm256_castsi256_si128(values) : _mm256_extracti128_si256(values, 1);
        bytes = i % 2 ? _mm_srli_si128(bytes, 8) : bytes;
        __m256 v = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
        v = _mm256_mul_ps(v, _mm256_set1_ps(factor));
        _mm256_storeu_ps(y + 8 * i, _mm256_add_ps(v, _mm256_set1_ps(offset)));
    }
}

/// Low nibbles of 16 bytes, then high nibbles.
SK_INLINE SK_TARGET_AVX2 __m256i nibbles16(const uint8_t *bytes) {
    __m128i v = _mm_loadu_si128((const __m128i *)bytes);
    __m256i both = _mm256_set_m128i(_mm_srli_epi16(v, 4), v);
    return _mm256_and_si256(both, _mm256_set1_epi8(15));
}

/// 16 in each byte whose bit among 32 is set.
SK_INLINE SK_TARGET_AVX2 __m256i fifth_bits(const uint8_t *bytes) {
    int32_t bits;
    memcpy(&bits, bytes, sizeof bits);
    const __m256i place = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2,
                                           2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
    const __m256i which = _mm256_set1_epi64x((long long)0x8040201008040201ULL);
    __m256i spread = _mm256_shuffle_epi8(_mm256_set1_epi32(bits), place);
    __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(spread, which), which);
    return _mm256_and_si256(set, _mm256_set1_epi8(16));
}

/// Sub-block s of 32 nibbles: the low ones of 32 bytes for even s, the high ones for odd s.
SK_INLINE SK_TARGET_AVX2 __m256i nibbles32(const uint8_t *bytes, int odd) {
    __m256i v = _mm256_loadu_si256((const __m256i *)bytes);
    v = odd ? _mm256_srli_epi16(v, 4) : v;
    return _mm256_and_si256(v, _mm256_set1_epi8(15));
}

/// Q4_K (high == 0) and Q5_K, which has 32 bytes of fifth bits before the nibbles.
SK_INLINE SK_TARGET_AVX2 void k_blocks(float *y, const uint8_t *row, ptrdiff_t k, int fifth) {
    for (ptrdiff_t i = 0; i < k; i += 256, row += fifth ? 176 : 144) {
        const float d = half(row), dmin = half(row + 2);
        const uint8_t *nibbles = row + (fifth ? 48 : 16);
        const __m256i high = _mm256_loadu_si256((const __m256i *)(row + 16));
        for (int s = 0; s < 8; s++) {
            uint8_t scale, minimum;
            sk_k_scale_min(row + 4, s, &scale, &minimum);
            __m256i values = nibbles32(nibbles + 32 * (s / 2), s % 2);
            if (fifth) {
                __m256i bit = _mm256_set1_epi8((char)(1 << s));
                __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(high, bit), bit);
                values = _mm256_or_si256(values, _mm256_and_si256(set, _mm256_set1_epi8(16)));
            }
            offset_by(y + i + 32 * s, values, d * (float)scale, -(dmin * (float)minimum));
        }
    }
}

SK_INLINE SK_TARGET_AVX2 void q6_blocks(float *y, const uint8_t *row, ptrdiff_t k) {
    for (ptrdiff_t i = 0; i < k; i += 256, row += 210) {
        const int8_t *scales = (const int8_t *)(row + 192);
        const float d = half(row + 208);
        for (int quarter = 0; quarter < 8; quarter++) {
            const int part = quarter % 4;
            const uint8_t *low = row + 64 * (quarter / 4) + 32 * (part % 2);
            __m256i high = _mm256_loadu_si256((const __m256i *)(row + 128 + 32 * (quarter / 4)));
            high = _mm256_and_si256(_mm256_srl_epi16(high, _mm_cvtsi32_si128(2 * part)),
                                    _mm256_set1_epi8(3));
            __m256i values = _mm256_or_si256(nibbles32(low, part / 2), _mm256_slli_epi16(high, 4));
            values = _mm256_sub_epi8(values, _mm256_set1_epi8(32));
            float wide[32];
            scaled(wide, values, d * (float)scales[2 * quarter]);
            memcpy(y + i + 32 * quarter, wide, 16 * sizeof *wide);
            scaled(wide, values, d * (float)scales[2 * quarter + 1]);
            memcpy(y + i + 32 * quarter + 16, wide + 16, 16 * sizeof *wide);
        }
    }
}

SK_TARGET_AVX2 static void dequantize(sk_type type, float *y, const void *source, ptrdiff_t k) {
    const uint8_t *row = source;
    ptrdiff_t i = 0;
    switch (type) {
    case SK_F16:
        for (; i + 8 <= k; i += 8) {
            __m128i v = _mm_loadu_si128((const __m128i *)(row + 2 * i));
            _mm256_storeu_ps(y + i, _mm256_cvtph_ps(v));
        }
        sk_dequantize_portable(type, y + i, row + 2 * i, k - i);
        break;
    case SK_BF16:
        for (; i + 8 <= k; i += 8) {
            __m128i v = _mm_loadu_si128((const __m128i *)(row + 2 * i));
            __m256i wide = _mm256_slli_epi32(_mm256_cvtepu16_epi32(v), 16);
            _mm256_storeu_si256((__m256i *)(y + i), wide);
        }
        sk_dequantize_portable(type, y + i, row + 2 * i, k - i);
        break;
    case SK_Q4_0:
        for (; i < k; i += 32, row += 18) {
            __m256i values = _mm256_sub_epi8(nibbles16(row + 2), _mm256_set1_epi8(8));
            scaled(y + i, values, half(row));
        }
        break;
    case SK_Q4_1:
        for (; i < k; i += 32, row += 20) {
            offset_by(y + i, nibbles16(row + 4), half(row), half(row + 2));
        }
        break;
    case SK_Q5_0:
        for (; i < k; i += 32, row += 22) {
            __m256i values = _mm256_or_si256(nibbles16(row + 6), fifth_bits(row + 2));
            scaled(y + i, _mm256_sub_epi8(values, _mm256_set1_epi8(16)), half(row));
        }
        break;
    case SK_Q5_1:
        for (; i < k; i += 32, row += 24) {
            __m256i values = _mm256_or_si256(nibbles16(row + 8), fifth_bits(row + 4));
            offset_by(y + i, values, half(row), half(row + 2));
        }
        break;
    case SK_Q8_0:
        for (; i < k; i += 32, row += 34) {
            scaled(y + i, _mm256_loadu_si256((const __m256i *)(row + 2)), half(row));
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

SK_TARGET_AVX2 static void narrow(sk_type type, void *y, const float *x, ptrdiff_t n) {
    uint16_t *out = y;
    ptrdiff_t i = 0;
    if (type == SK_F16) {
        for (; i + 8 <= n; i += 8) {
            __m128i v = _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT);
            _mm_storeu_si128((__m128i *)(out + i), v);
        }
    } else if (type == SK_BF16) {
        for (; i + 8 <= n; i += 8) {
            __m256 v = _mm256_loadu_ps(x + i);
            __m256i bits = _mm256_castps_si256(v);
            __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
            __m256i even = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
            __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
            __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
            __m256i wide = _mm256_srli_epi32(_mm256_blendv_epi8(even, quiet, nan), 16);
            __m128i low = _mm256_castsi256_si128(wide);
            __m128i packed = _mm_packus_epi32(low, _mm256_extracti128_si256(wide, 1));
            _mm_storeu_si128((__m128i *)(out + i), packed);
        }
    } else {
        sk_narrow_portable(type, y, x, n);
        return;
    }
    sk_narrow_portable(type, out + i, x + i, n - i);
}

void sk_convert_avx2(sk_kernels *table) {
    table->dequantize = dequantize;
    table->narrow = narrow;
}
#endif
