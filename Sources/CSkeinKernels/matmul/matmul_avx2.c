#include "matmul.h"

#if defined(SK_X86)
#include "matmul_int_avx2.h"

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

typedef struct quantised {
    __m256i codes;
    float scale;
} quantised;

/// Rounds 32 values to integers in [-127, 127]. A block with a value that is not finite gets such a
/// scale and therefore such products.
SK_INLINE SK_TARGET_AVX2 quantised quantise(const float *x) {
    const __m256 v[4] = {_mm256_loadu_ps(x), _mm256_loadu_ps(x + 8), _mm256_loadu_ps(x + 16),
                         _mm256_loadu_ps(x + 24)};
    const uint32_t bits = largest_bits(v);
    float largest;
    memcpy(&largest, &bits, 4);
    if (bits >= 0x7f800000 || largest < 1e-30f) {
        return (quantised){_mm256_setzero_si256(), bits >= 0x7f800000 ? largest - largest : 0};
    }
    const __m256 inverse = _mm256_set1_ps(127 / largest);
    const __m256i a = _mm256_packs_epi32(_mm256_cvtps_epi32(_mm256_mul_ps(v[0], inverse)),
                                         _mm256_cvtps_epi32(_mm256_mul_ps(v[1], inverse)));
    const __m256i b = _mm256_packs_epi32(_mm256_cvtps_epi32(_mm256_mul_ps(v[2], inverse)),
                                         _mm256_cvtps_epi32(_mm256_mul_ps(v[3], inverse)));
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    return (quantised){_mm256_permutevar8x32_epi32(_mm256_packs_epi16(a, b), order), largest / 127};
}

/// Sums of codes 0 and 1 and of codes 2 and 3 of each group, in four lanes, for 16 codes.
typedef struct pair_sums {
    __m128i first, second;
} pair_sums;

SK_INLINE SK_TARGET_AVX2 pair_sums sum_pairs(__m256i codes) {
    const __m256i pairs = _mm256_maddubs_epi16(_mm256_set1_epi8(1), codes);
    return (pair_sums){add_lanes_16(_mm256_castsi256_si128(pairs)),
                       add_lanes_16(_mm256_extracti128_si256(pairs, 1))};
}

SK_INLINE SK_TARGET_AVX2 int32_t sum_of(__m128i pairs) {
    return _mm_cvtsi128_si32(_mm_madd_epi16(pairs, _mm_set1_epi16(1)));
}

SK_TARGET_AVX2 void sk_quantise_row_avx2(sk_activation_block *row, const float *x, ptrdiff_t blocks,
                                         int32_t zero, int32_t halves) {
    for (ptrdiff_t b = 0; b < blocks; b++, row++, x += 32) {
        const quantised q = quantise(x);
        const pair_sums sums = sum_pairs(q.codes);
        const int32_t first = sum_of(sums.first);
        const int32_t second = sum_of(sums.second);
        _mm256_storeu_si256((__m256i *)row->codes, q.codes);
        row->scale = q.scale;
        row->sum = q.scale * (float)(first + second);
        row->start[0] = -zero * (halves ? first : first + second);
        row->start[1] = -zero * second;
    }
}

/// For sums that run in 16 bits: start holds the pair (-zero * sum of codes 0 and 1 of each group,
/// -zero * sum of codes 2 and 3) modulo 2^16.
static SK_TARGET_AVX2 void quantise_pairs(sk_activation_block *row, const float *x,
                                          ptrdiff_t blocks, int32_t zero, int32_t halves) {
    const __m128i factor = _mm_set1_epi16((int16_t)-zero);
    for (ptrdiff_t b = 0; b < blocks; b++, row++, x += 32) {
        const quantised q = quantise(x);
        const pair_sums sums = sum_pairs(q.codes);
        const __m128i both = _mm_add_epi16(sums.first, sums.second);
        _mm256_storeu_si256((__m256i *)row->codes, q.codes);
        row->scale = q.scale;
        row->sum = q.scale * (float)sum_of(both);
        const __m128i start = _mm_mullo_epi16(halves ? sums.first : both, factor);
        row->start[0] = _mm_cvtsi128_si32(start);
        row->start[1] = _mm_cvtsi128_si32(_mm_mullo_epi16(sums.second, factor));
    }
}

static SK_TARGET_AVX2 void quantise_words(sk_word_block *row, const float *x, ptrdiff_t blocks) {
    for (ptrdiff_t b = 0; b < blocks; b++, row++, x += 32) {
        const quantised q = quantise(x);
        const pair_sums sums = sum_pairs(q.codes);
        const __m256i even = _mm256_srai_epi16(_mm256_slli_epi16(q.codes, 8), 8);
        const __m256i odd = _mm256_srai_epi16(q.codes, 8);
        const __m256i low = _mm256_unpacklo_epi32(even, odd);
        const __m256i up = _mm256_unpackhi_epi32(even, odd);
        __m256i *codes = (__m256i *)row->codes;
        _mm256_storeu_si256(codes, _mm256_permute2x128_si256(low, up, 0x20));
        _mm256_storeu_si256(codes + 1, _mm256_permute2x128_si256(low, up, 0x31));
        row->scale = q.scale;
        row->start = -128 * (sum_of(sums.first) + sum_of(sums.second));
    }
}

static size_t activation_bytes(sk_type type, ptrdiff_t k) {
    type = sk_without_groups(type);
    if (type == SK_Q8_0) {
        return sk_row_bytes((size_t)k / 32 * sizeof(sk_word_block));
    }
    if (type == (SK_GROUPED | 8)) {
        return sk_row_bytes(sk_float_offset(k, sizeof(sk_word_block)) + (size_t)k * 4);
    }
    return sk_activation_bytes(type, k);
}

static size_t block_bytes(sk_type type) {
    return sk_format_of(type).bits == 8 ? sizeof(sk_word_block) : sizeof(sk_activation_block);
}

static void prepare_blocks(sk_type type, void *row, const float *x, ptrdiff_t blocks) {
    const sk_format f = sk_format_of(type);
    if (f.bits == 8) {
        quantise_words(row, x, blocks);
    } else {
        quantise_pairs(row, x, blocks, f.bits == 5 ? 16 : f.zero, f.bits == 6);
    }
}

static void prepare(sk_type type, void *activations, const float *x, ptrdiff_t ldx, ptrdiff_t rows,
                    ptrdiff_t k) {
    if (sk_is_float(type)) {
        sk_copy_rows(activations, x, ldx, rows, k);
        return;
    }
    const size_t bytes = activation_bytes(type, k);
    for (ptrdiff_t r = 0; r < rows; r++) {
        uint8_t *row = (uint8_t *)activations + (size_t)r * bytes;
        prepare_blocks(type, row, x + r * ldx, k / 32);
        if (sk_is_grouped(type)) {
            float last[32];
            if (sk_last_block(last, x + r * ldx, k)) {
                prepare_blocks(type, row + (size_t)(k / 32) * block_bytes(type), last, 1);
            }
            memcpy(row + sk_float_offset(k, block_bytes(type)), x + r * ldx, (size_t)k * 4);
        }
    }
}

static const sk_panel_kernels kernels = {
    .abreast = 1,
    .max_rows_float = SK_FLOAT_ROWS_AVX2,
    .whole_rows_float = 6,
    .max_rows_int = SK_MANY_ROWS_AVX2,
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
    .g2 = sk_g2_panel_avx2,
    .g3 = sk_g3_panel_avx2,
    .g4 = sk_g4_panel_avx2,
    .g5 = sk_g5_panel_avx2,
    .g6 = sk_g6_panel_avx2,
    .g8 = sk_g8_panel_avx2,
    .g2_min = sk_g2_min_panel_avx2,
    .g3_min = sk_g3_min_panel_avx2,
    .g4_min = sk_g4_min_panel_avx2,
    .g5_min = sk_g5_min_panel_avx2,
};

static SK_TARGET_AVX2 void matmul(const sk_matmul *args) {
    const size_t x_bytes = activation_bytes(args->type, args->k);
    sk_fetch_outliers(args);
    sk_run_panels(args, &kernels, x_bytes);
    sk_add_outliers(args, x_bytes, block_bytes(args->type));
}

void sk_fill_matmul_avx2(sk_kernels *table) {
    table->activation_bytes = activation_bytes;
    table->prepare = prepare;
    table->matmul = matmul;
}

#else
void sk_fill_matmul_avx2(sk_kernels *table) { (void)table; }
#endif
