#ifndef SK_MATMUL_X86_H
#define SK_MATMUL_X86_H

#include "matmul.h"

#include <immintrin.h>

/// 32 activations for the 16-bit products of Q8_0 on AVX2: of each group of 4 codes 0 and 2, then
/// 1 and 3.
typedef struct sk_word_block {
    int16_t codes[8][2][2];
    float scale;
    int32_t start; ///< -128 * sum of the codes
} sk_word_block;

/// Quantises rows for the levels whose sums start as int32: start[0] is -zero * sum of the codes,
/// or with `halves` that of the first 16, and start[1] that of the others.
void sk_quantise_row_avx2(sk_activation_block *row, const float *x, ptrdiff_t blocks, int32_t zero,
                          int32_t halves);

/// The most rows of a float panel.
enum { SK_FLOAT_ROWS_AVX2 = 96 };

void sk_f32_panel_avx2(const sk_panel *panel);
void sk_f16_panel_avx2(const sk_panel *panel);
void sk_bf16_panel_avx2(const sk_panel *panel);
void sk_q4_0_panel_avx2(const sk_panel *panel);
void sk_q4_1_panel_avx2(const sk_panel *panel);
void sk_q5_0_panel_avx2(const sk_panel *panel);
void sk_q5_1_panel_avx2(const sk_panel *panel);
void sk_q8_0_panel_avx2(const sk_panel *panel);
void sk_q4_k_panel_avx2(const sk_panel *panel);
void sk_q5_k_panel_avx2(const sk_panel *panel);
void sk_q6_k_panel_avx2(const sk_panel *panel);

void sk_g2_panel_avx2(const sk_panel *panel);
void sk_g3_panel_avx2(const sk_panel *panel);
void sk_g4_panel_avx2(const sk_panel *panel);
void sk_g5_panel_avx2(const sk_panel *panel);
void sk_g6_panel_avx2(const sk_panel *panel);
void sk_g8_panel_avx2(const sk_panel *panel);
void sk_g2_min_panel_avx2(const sk_panel *panel);
void sk_g3_min_panel_avx2(const sk_panel *panel);
void sk_g4_min_panel_avx2(const sk_panel *panel);
void sk_g5_min_panel_avx2(const sk_panel *panel);

void sk_f32_panel_avx512(const sk_panel *panel);
void sk_f16_panel_avx512(const sk_panel *panel);
void sk_bf16_panel_avx512(const sk_panel *panel);
void sk_bf16_panel_avx512_bf16(const sk_panel *panel);
void sk_widen_avx512(sk_type type, float *values, const sk_panel *panel, ptrdiff_t tile,
                     ptrdiff_t tiles);
void sk_q4_0_panel_avx512(const sk_panel *panel);
void sk_q4_1_panel_avx512(const sk_panel *panel);
void sk_q5_0_panel_avx512(const sk_panel *panel);
void sk_q5_1_panel_avx512(const sk_panel *panel);
void sk_q8_0_panel_avx512(const sk_panel *panel);
void sk_q4_k_panel_avx512(const sk_panel *panel);
void sk_q5_k_panel_avx512(const sk_panel *panel);
void sk_q6_k_panel_avx512(const sk_panel *panel);
void sk_g2_panel_avx512(const sk_panel *panel);
void sk_g3_panel_avx512(const sk_panel *panel);
void sk_g4_panel_avx512(const sk_panel *panel);
void sk_g5_panel_avx512(const sk_panel *panel);
void sk_g6_panel_avx512(const sk_panel *panel);
void sk_g8_panel_avx512(const sk_panel *panel);
void sk_g2_min_panel_avx512(const sk_panel *panel);
void sk_g3_min_panel_avx512(const sk_panel *panel);
void sk_g4_min_panel_avx512(const sk_panel *panel);
void sk_g5_min_panel_avx512(const sk_panel *panel);

/// Stores eight sums as outputs first ..< first + 8 of a row that has `columns`.
SK_INLINE SK_TARGET_AVX2 void sk_store_avx2(const sk_panel *p, float *y, ptrdiff_t first,
                                            __m256 sum) {
    const ptrdiff_t columns = p->columns - first;
    if (columns >= 8) {
        if (p->bias != NULL) {
            sum = _mm256_add_ps(sum, _mm256_loadu_ps(p->bias + first));
        }
        if (p->accumulate) {
            sum = _mm256_add_ps(_mm256_loadu_ps(y + first), sum);
        }
        _mm256_storeu_ps(y + first, sum);
    } else if (columns > 0) {
        const __m256i mask = _mm256_cmpgt_epi32(_mm256_set1_epi32((int32_t)columns),
                                                _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
        if (p->bias != NULL) {
            sum = _mm256_add_ps(sum, _mm256_maskload_ps(p->bias + first, mask));
        }
        if (p->accumulate) {
            sum = _mm256_add_ps(_mm256_maskload_ps(y + first, mask), sum);
        }
        _mm256_maskstore_ps(y + first, mask, sum);
    }
}

SK_INLINE SK_TARGET_AVX2 __m256i sk_load_avx2(const uint8_t *p) {
    return _mm256_loadu_si256((const __m256i *)p);
}

/// Eight f16 as f32.
SK_INLINE SK_TARGET_AVX2 __m256 sk_halves_avx2(const uint8_t *p) {
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p));
}

/// Stores sixteen sums as outputs first ..< first + 16 of a row that has p->columns.
SK_INLINE SK_TARGET_AVX512 void sk_store_avx512(const sk_panel *p, float *y, ptrdiff_t first,
                                                __m512 sum) {
    const ptrdiff_t columns = p->columns - first;
    const __mmask16 mask = columns >= 16 ? 0xffff : (__mmask16)((1u << columns) - 1);
    if (p->bias != NULL) {
        sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(mask, p->bias + first));
    }
    if (p->accumulate) {
        sum = _mm512_add_ps(_mm512_maskz_loadu_ps(mask, y + first), sum);
    }
    _mm512_mask_storeu_ps(y + first, mask, sum);
}

#endif
