#include "matmul.h"

#if defined(SK_X86)
#include "matmul_x86.h"

/// The largest |x| of 32 values as its bits; a value that is not finite is larger than any other.
SK_INLINE SK_TARGET_AVX2 uint32_t largest_bits(const __m256 v[4]) {
    const __m256i mask = _mm256_set1_epi32(0x7fffffff);
    __m256i m = _mm256_and_si256(_mm256_castps_si256(v[0]), mask);
    SK_UNROLL for (int i = 1; i < 4; i++) {
        m = _mm256_max_epu32(m, _mm256_and_si256(_mm256_castps_si256(v[i]), mask));
    }
    __m128i h = _mm_max_epu32(_mm256_castsi256_si128(m), _mm256_extracti128_si256(m, 1));
    h = _mm_max_epu32(h, _mm_shuffle_epi32(h, 0x4e));
    h = _mm_max_epu32(h, _mm_shuffle_epi32(h, 0xb1));
    return (uint32_t)_mm_cvtsi128_si32(h);
}

/// The four 32-bit lanes added as pairs of 16 bits.
SK_INLINE SK_TARGET_AVX2 __m128i add_lanes_16(__m128i v) {
    v = _mm_add_epi16(v, _mm_shuffle_epi32(v, 0x4e));
    return _mm_add_epi16(v, _mm_shuffle_epi32(v, 0xb1));
}

SK_TARGET_AVX2 void sk_quantise_row_avx2(sk_activation_block *row, const float *x, ptrdiff_t blocks,
                                         int32_t zero, int32_t wide, int32_t halves) {
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    const __m128i factor = _mm_set1_epi16((int16_t)-zero);
    for (ptrdiff_t b = 0; b < blocks; b++, row++, x += 32) {
        const __m256 v[4] = {_mm256_loadu_ps(x), _mm256_loadu_ps(x + 8), _mm256_loadu_ps(x + 16),
                             _mm256_loadu_ps(x + 24)};
        const uint32_t bits = largest_bits(v);
        float largest;
        memcpy(&largest, &bits, 4);
        const int is_finite = bits < 0x7f800000;
        row->scale = !is_finite ? largest - largest : largest < 1e-30f ? 0 : largest / 127;
        if (!is_finite || largest < 1e-30f) {
            memset(row->codes, 0, sizeof row->codes);
            row->sum = 0;
            row->start[0] = row->start[1] = 0;
            continue;
        }
        const __m256 inverse = _mm256_set1_ps(127 / largest);
        const __m256i a = _mm256_packs_epi32(_mm256_cvtps_epi32(_mm256_mul_ps(v[0], inverse)),
                                             _mm256_cvtps_epi32(_mm256_mul_ps(v[1], inverse)));
        const __m256i c = _mm256_packs_epi32(_mm256_cvtps_epi32(_mm256_mul_ps(v[2], inverse)),
                                             _mm256_cvtps_epi32(_mm256_mul_ps(v[3], inverse)));
        const __m256i codes = _mm256_permutevar8x32_epi32(_mm256_packs_epi16(a, c), order);
        _mm256_storeu_si256((__m256i *)row->codes, codes);
        const __m256i pairs = _mm256_maddubs_epi16(_mm256_set1_epi8(1), codes);
        const __m128i first = add_lanes_16(_mm256_castsi256_si128(pairs));
        const __m128i second = add_lanes_16(_mm256_extracti128_si256(pairs, 1));
        const __m128i both = _mm_add_epi16(first, second);
        const __m128i ones = _mm_set1_epi16(1);
        const int32_t sum = _mm_cvtsi128_si32(_mm_madd_epi16(both, ones));
        row->sum = row->scale * (float)sum;
        if (wide) {
            const int32_t low = _mm_cvtsi128_si32(_mm_madd_epi16(first, ones));
            row->start[0] = -zero * (halves ? low : sum);
            row->start[1] = -zero * (sum - low);
        } else {
            const __m128i start = _mm_mullo_epi16(halves ? first : both, factor);
            row->start[0] = _mm_cvtsi128_si32(start);
            row->start[1] = _mm_cvtsi128_si32(_mm_mullo_epi16(second, factor));
        }
    }
}

static void prepare(sk_type type, void *activations, const float *x, ptrdiff_t ldx, ptrdiff_t rows,
                    ptrdiff_t k) {
    if (sk_is_float(type)) {
        sk_copy_rows(activations, x, ldx, rows, k);
        return;
    }
    const sk_format f = sk_format_of(type);
    const size_t bytes = sk_activation_bytes(type, k);
    for (ptrdiff_t r = 0; r < rows; r++) {
        sk_quantise_row_avx2((sk_activation_block *)((uint8_t *)activations + (size_t)r * bytes),
                             x + r * ldx, k / 32, f.bits == 5 ? 16 : f.zero, 0, type == SK_Q6_K);
    }
}

static const sk_panel_kernels kernels = {
    .max_rows_float = 6,
    .max_rows_int = 4,
    .f32 = sk_f32_panel_avx2,
    .f16 = sk_f16_panel_avx2,
    .bf16 = sk_bf16_panel_avx2,
    .q4_0 = sk_q4_0_panel_avx2,
    .q4_1 = sk_q4_1_panel_avx2,
    .q5_0 = sk_q5_0_panel_avx2,
    .q5_1 = sk_q5_1_panel_avx2,
    .q8_0 = sk_q8_0_panel_avx2,
    .q4_k = sk_q4_k_panel_avx2,
    .q5_k = sk_q5_k_panel_avx2,
    .q6_k = sk_q6_k_panel_avx2,
};

static void matmul(const sk_matmul *args) {
    sk_run_panels(args, &kernels, sk_activation_bytes(args->type, args->k));
}

void sk_fill_matmul_avx2(sk_kernels *table) {
    table->activation_bytes = sk_activation_bytes;
    table->prepare = prepare;
    table->matmul = matmul;
}

#else
void sk_fill_matmul_avx2(sk_kernels *table) { (void)table; }
#endif
