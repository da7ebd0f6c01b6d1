#include "matmul.h"

#if defined(SK_X86)
#include "matmul_int_avx2.h"

enum { ROWS = SK_ROWS_AVX2 };

/// Products of k groups g and g + 4, or with 6-bit codes of the one in this half.
SK_INLINE SK_TARGET_AVX2 void add_groups(sk_format f, int rows, int half, int g,
                                         const uint8_t *block, const sk_activation_block *const *x,
                                         __m256i pairs[ROWS][2]) {
    const int last = f.bits == 6 ? half : 1;
    SK_UNROLL for (int nibble = half; nibble <= last; nibble++) {
        const __m256i low = sk_codes_avx2(f, block, nibble, g, 0);
        const __m256i up = sk_codes_avx2(f, block, nibble, g, 1);
        SK_UNROLL for (int r = 0; r < rows; r++) {
            const __m256i values = sk_broadcast_avx2(x[r]->codes + 16 * nibble + 4 * g);
            pairs[r][0] = _mm256_add_epi16(pairs[r][0], _mm256_maddubs_epi16(low, values));
            pairs[r][1] = _mm256_add_epi16(pairs[r][1], _mm256_maddubs_epi16(up, values));
        }
    }
}

/// Integer sums of one block for types of up to 6 bits.
///
/// Sums of neighbouring products run in 16 bits and may wrap: with `zero` taken off, 8 products of
/// 5-bit codes (or 4 of 6-bit codes) end within ±32512, whatever happens on the way.
SK_INLINE SK_TARGET_AVX2 void sum_codes(sk_type type, int rows, const uint8_t *scales,
                                        const uint8_t *block, const sk_activation_block *const *x,
                                        __m256i sums[ROWS][2]) {
    const sk_format f = sk_format_of(type);
    const int halves = f.bits == 6 ? 2 : 1;
    SK_UNROLL for (int half = 0; half < halves; half++) {
        __m256i pairs[ROWS][2];
        SK_UNROLL for (int r = 0; r < rows; r++) {
            const int starts = f.zero != 0 || f.bits == 5;
            const __m256i start = sk_broadcast_avx2(&x[r]->start[half]);
            pairs[r][0] = starts ? start : _mm256_setzero_si256();
            pairs[r][1] = pairs[r][0];
        }
        if (rows == 1) {
            SK_UNROLL for (int g = 0; g < 4; g++) { add_groups(f, rows, half, g, block, x, pairs); }
        } else {
            SK_ROLLED for (int g = 0; g < 4; g++) { add_groups(f, rows, half, g, block, x, pairs); }
        }
        SK_UNROLL for (int h = 0; h < 2; h++) {
            const __m256i factors =
                type == SK_Q6_K ? sk_half_factors_avx2(scales, half, h) : _mm256_set1_epi16(1);
            SK_UNROLL for (int r = 0; r < rows; r++) {
                const __m256i sum = _mm256_madd_epi16(pairs[r][h], factors);
                sums[r][h] = half == 0 ? sum : _mm256_add_epi32(sums[r][h], sum);
            }
        }
    }
}

/// Integer sums of one block of 8-bit codes, in products of 16 bits: codes 0 and 2 of each group,
/// then 1 and 3.
SK_INLINE SK_TARGET_AVX2 void sum_bytes(int rows, const uint8_t *codes,
                                        const sk_word_block *const *x, __m256i sums[ROWS][2]) {
    const __m256i mask = _mm256_set1_epi16(255);
    SK_UNROLL for (int r = 0; r < rows; r++) {
        sums[r][0] = sk_broadcast_avx2(&x[r]->start);
        sums[r][1] = sums[r][0];
    }
    for (int g = 0; g < 8; g++) {
        const __m256i low = sk_load_avx2(codes + 64 * g);
        const __m256i up = sk_load_avx2(codes + 32 + 64 * g);
        SK_UNROLL for (int odd = 0; odd < 2; odd++) {
            const __m256i a = odd ? _mm256_srli_epi16(low, 8) : _mm256_and_si256(low, mask);
            const __m256i b = odd ? _mm256_srli_epi16(up, 8) : _mm256_and_si256(up, mask);
            SK_UNROLL for (int r = 0; r < rows; r++) {
                const __m256i values = sk_broadcast_avx2(x[r]->codes[g][odd]);
                sums[r][0] = _mm256_add_epi32(sums[r][0], _mm256_madd_epi16(a, values));
                sums[r][1] = _mm256_add_epi32(sums[r][1], _mm256_madd_epi16(b, values));
            }
        }
    }
}

/// One tile for `rows` rows: per block exact integer sums, then one fused step into f32 sums.
SK_INLINE SK_TARGET_AVX2 void one_tile(sk_type type, int rows, const sk_panel *p, ptrdiff_t t) {
    const sk_format f = sk_format_of(type);
    const uint8_t *tile = p->tile + (size_t)t * p->tile_bytes;
    __m256 totals[ROWS][2];
    SK_UNROLL for (int r = 0; r < rows; r++) {
        totals[r][0] = _mm256_setzero_ps();
        totals[r][1] = _mm256_setzero_ps();
    }
    for (ptrdiff_t b = p->begin; b < p->end; b++) {
        const sk_place at = sk_place_of(f, sk_runs_in(type, p), b);
        const uint8_t *scales = tile + at.scales;
        const uint8_t *block = tile + at.block;
        const sk_activation_block *x[ROWS];
        const sk_word_block *words[ROWS];
        const float *factors[ROWS];
        SK_UNROLL for (int r = 0; r < rows; r++) {
            x[r] = (const sk_activation_block *)(p->x + (size_t)r * p->x_bytes) + b;
            words[r] = (const sk_word_block *)(p->x + (size_t)r * p->x_bytes) + b;
            factors[r] = f.bits == 8 ? &words[r]->scale : &x[r]->scale;
        }
        if (rows == 1) {
            for (size_t line = 0; line < sk_block_size(f); line += 64) {
                _mm_prefetch((const char *)block + 2048 + line, _MM_HINT_T0);
            }
        }
        __m256i sums[ROWS][2];
        if (f.bits == 8) {
            sum_bytes(rows, block, words, sums);
        } else {
            sum_codes(type, rows, scales, block, x, sums);
        }
        SK_UNROLL for (int h = 0; h < 2; h++) {
            const sk_scales_avx2 s = sk_scales_of_avx2(type, tile + at.header, scales, h);
            SK_UNROLL for (int r = 0; r < rows; r++) {
                const __m256 scale = _mm256_mul_ps(s.scale, _mm256_set1_ps(*factors[r]));
                totals[r][h] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums[r][h]), scale, totals[r][h]);
                if (f.has_min) {
                    totals[r][h] = _mm256_fmadd_ps(s.min, _mm256_set1_ps(x[r]->sum), totals[r][h]);
                }
            }
        }
    }
    SK_UNROLL for (int r = 0; r < rows; r++) {
        sk_store_avx2(p, p->y + r * p->ldy, t * SK_TILE_N, totals[r][0]);
        sk_store_avx2(p, p->y + r * p->ldy, t * SK_TILE_N + 8, totals[r][1]);
    }
}

SK_INLINE SK_TARGET_AVX2 void by_rows(sk_type type, const sk_panel *p, ptrdiff_t t) {
    switch (p->rows) {
    case 1:
        one_tile(type, 1, p, t);
        break;
    case 2:
        one_tile(type, 2, p, t);
        break;
    case 3:
        one_tile(type, 3, p, t);
        break;
    default:
        one_tile(type, 4, p, t);
        break;
    }
}

/// A tile's rows in blocks of almost equal height.
SK_INLINE SK_TARGET_AVX2 void all_rows(sk_type type, const sk_panel *p, ptrdiff_t t) {
    const ptrdiff_t blocks = (p->rows + ROWS - 1) / ROWS;
    for (ptrdiff_t i = 0; i < blocks; i++) {
        const ptrdiff_t first = p->rows * i / blocks;
        sk_panel part = *p;
        part.rows = p->rows * (i + 1) / blocks - first;
        part.x += (size_t)first * p->x_bytes;
        part.y += first * p->ldy;
        by_rows(type, &part, t);
    }
}

SK_INLINE SK_TARGET_AVX2 void all_tiles(sk_type type, const sk_panel *p) {
    if (p->rows > ROWS && sk_format_of(type).bits != 8) {
        sk_many_rows_avx2(type, p);
        return;
    }
    for (ptrdiff_t t = 0; t < p->tiles; t++) {
        all_rows(type, p, t);
    }
}

SK_TARGET_AVX2 void sk_q4_0_panel_avx2(const sk_panel *p) { all_tiles(SK_Q4_0, p); }
SK_TARGET_AVX2 void sk_q4_1_panel_avx2(const sk_panel *p) { all_tiles(SK_Q4_1, p); }
SK_TARGET_AVX2 void sk_q5_0_panel_avx2(const sk_panel *p) { all_tiles(SK_Q5_0, p); }
SK_TARGET_AVX2 void sk_q5_1_panel_avx2(const sk_panel *p) { all_tiles(SK_Q5_1, p); }
SK_TARGET_AVX2 void sk_q8_0_panel_avx2(const sk_panel *p) { all_tiles(SK_Q8_0, p); }
SK_TARGET_AVX2 void sk_q4_k_panel_avx2(const sk_panel *p) { all_tiles(SK_Q4_K, p); }
SK_TARGET_AVX2 void sk_q5_k_panel_avx2(const sk_panel *p) { all_tiles(SK_Q5_K, p); }
SK_TARGET_AVX2 void sk_q6_k_panel_avx2(const sk_panel *p) { all_tiles(SK_Q6_K, p); }
SK_TARGET_AVX2 void sk_g2_panel_avx2(const sk_panel *p) { all_tiles(SK_GROUPED | 2, p); }
SK_TARGET_AVX2 void sk_g3_panel_avx2(const sk_panel *p) { all_tiles(SK_GROUPED | 3, p); }
SK_TARGET_AVX2 void sk_g4_panel_avx2(const sk_panel *p) { all_tiles(SK_GROUPED | 4, p); }
SK_TARGET_AVX2 void sk_g5_panel_avx2(const sk_panel *p) { all_tiles(SK_GROUPED | 5, p); }
SK_TARGET_AVX2 void sk_g6_panel_avx2(const sk_panel *p) { all_tiles(SK_GROUPED | 6, p); }
SK_TARGET_AVX2 void sk_g8_panel_avx2(const sk_panel *p) { all_tiles(SK_GROUPED | 8, p); }
SK_TARGET_AVX2 void sk_g2_min_panel_avx2(const sk_panel *p) { all_tiles(SK_GROUPED | 18, p); }
SK_TARGET_AVX2 void sk_g3_min_panel_avx2(const sk_panel *p) { all_tiles(SK_GROUPED | 19, p); }
SK_TARGET_AVX2 void sk_g4_min_panel_avx2(const sk_panel *p) { all_tiles(SK_GROUPED | 20, p); }
SK_TARGET_AVX2 void sk_g5_min_panel_avx2(const sk_panel *p) { all_tiles(SK_GROUPED | 21, p); }

#endif
