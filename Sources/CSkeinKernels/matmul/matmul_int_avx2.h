#ifndef SK_MATMUL_INT_AVX2_H
#define SK_MATMUL_INT_AVX2_H

#include "matmul_x86.h"

/// Eight outputs' codes of k group g as unsigned bytes. Loops over g stay loops, for the sake of
/// the sixteen registers, so shifts are by variable counts.
SK_INLINE SK_TARGET_AVX2 __m256i sk_codes_avx2(sk_format f, const uint8_t *block, int nibble, int g,
                                               int h) {
    const uint8_t *high = block;
    const uint8_t *codes = high + f.high_bytes;
    if (f.bits < 4) {
        const __m128i two = _mm_cvtsi32_si128(2 * g);
        __m256i low = _mm256_srl_epi16(sk_load_avx2(codes + 64 * nibble + 32 * h), two);
        low = _mm256_and_si256(low, _mm256_set1_epi8(3));
        if (f.bits == 2) {
            return low;
        }
        const __m128i one = _mm_cvtsi32_si128(g + 4 * nibble);
        __m256i upper = _mm256_srl_epi16(sk_load_avx2(high + 32 * h), one);
        upper = _mm256_and_si256(upper, _mm256_set1_epi8(1));
        return _mm256_or_si256(low, _mm256_slli_epi16(upper, 2));
    }
    __m256i code = sk_load_avx2(codes + 64 * g + 32 * h);
    if (nibble != 0) {
        code = _mm256_srli_epi16(code, 4);
    }
    code = _mm256_and_si256(code, _mm256_set1_epi8(15));
    if (f.high_bytes != 0) {
        const int bits = f.bits - 4;
        const uint8_t *plane = f.bits == 6 ? high + 64 * nibble : high;
        const int shift = f.bits == 6 ? 2 * g : g + 4 * nibble;
        __m256i upper = _mm256_srl_epi16(sk_load_avx2(plane + 32 * h), _mm_cvtsi32_si128(shift));
        upper = _mm256_and_si256(upper, _mm256_set1_epi8((int8_t)((1 << bits) - 1)));
        code = _mm256_or_si256(code, _mm256_slli_epi16(upper, 4));
    }
    return code;
}

typedef struct sk_scales_avx2 {
    __m256 scale, min;
} sk_scales_avx2;

/// Factors of outputs 8h ..< 8h + 8. Sums of 5-bit types are of code - 16, so their minimum takes
/// 16 scales more. Those of Q6_K leave the factor of each 16 values to the integers.
SK_INLINE SK_TARGET_AVX2 sk_scales_avx2 sk_scales_of_avx2(sk_type type, const uint8_t *header,
                                                          const uint8_t *scales, int h) {
    const sk_format f = sk_format_of(type);
    sk_scales_avx2 s = {_mm256_setzero_ps(), _mm256_setzero_ps()};
    if (type == SK_Q6_K) {
        s.scale = sk_halves_avx2(header + 16 * h);
    } else if (f.header_bytes != 0) {
        const __m128i *factors = (const __m128i *)(scales + 8 * h);
        const __m256 scale = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(factors)));
        const __m256 min = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(factors + 1)));
        s.scale = _mm256_mul_ps(sk_halves_avx2(header + 16 * h), scale);
        const __m256 dmin = sk_halves_avx2(header + 32 + 16 * h);
        s.min = _mm256_sub_ps(_mm256_setzero_ps(), _mm256_mul_ps(dmin, min));
    } else {
        s.scale = sk_halves_avx2(scales + 16 * h);
        if (f.has_min) {
            s.min = sk_halves_avx2(scales + 32 + 16 * h);
        }
    }
    if (f.has_min && f.bits == 5 && f.zero == 0) {
        s.min = _mm256_fmadd_ps(_mm256_set1_ps(16), s.scale, s.min);
    }
    return s;
}

/// The factor of outputs 8h ..< 8h + 8 for one half of a Q6_K block, as pairs of 16 bits.
SK_INLINE SK_TARGET_AVX2 __m256i sk_half_factors_avx2(const uint8_t *scales, int half, int h) {
    const __m128i bytes = _mm_loadl_epi64((const __m128i *)(scales + 16 * half + 8 * h));
    const __m256i words = _mm256_cvtepi8_epi32(bytes);
    return _mm256_or_si256(_mm256_slli_epi32(words, 16),
                           _mm256_and_si256(words, _mm256_set1_epi32(0xffff)));
}

SK_INLINE SK_TARGET_AVX2 __m256i sk_broadcast_avx2(const void *p) {
    return _mm256_set1_epi32(sk_load_i32(p));
}

/// A block of a type of up to 6 bits takes products of up to SK_ROWS_AVX2 rows straight from its
/// packed form; more rows pay for unpacking it first.
enum { SK_ROWS_AVX2 = 4 };

/// The panel with each run of blocks unpacked once for all its rows, of which there may be
/// SK_MANY_ROWS_AVX2.
void sk_many_rows_avx2(sk_type type, const sk_panel *panel);
enum { SK_MANY_ROWS_AVX2 = 64 };

#endif
