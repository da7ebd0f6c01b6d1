#include "matmul.h"

#if defined(SK_X86)
#include "matmul_x86.h"

enum { ROWS = 4 };

/// Eight outputs' codes of k group g as unsigned bytes. Loops over g stay loops, for the sake of
/// the sixteen registers, so shifts are by variable counts.
SK_INLINE SK_TARGET_AVX2 __m256i codes_of(sk_format f, const uint8_t *block, int nibble, int g,
                                          int h) {
    const uint8_t *high = block + f.scale_bytes;
    const uint8_t *codes = high + f.high_bytes;
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

typedef struct scales {
    __m256 scale, min;
} scales;

/// Factors of outputs 8h ..< 8h + 8. Sums of 5-bit types are of code - 16, so their minimum takes
/// 16 scales more. Those of Q6_K leave the factor of each 16 values to the integers.
SK_INLINE SK_TARGET_AVX2 scales scales_of(sk_type type, const uint8_t *header, const uint8_t *block,
                                          int h) {
    const sk_format f = sk_format_of(type);
    scales s = {_mm256_setzero_ps(), _mm256_setzero_ps()};
    if (type == SK_Q6_K) {
        s.scale = sk_halves_avx2(header + 16 * h);
    } else if (f.header_bytes != 0) {
        const __m128i *factors = (const __m128i *)(block + 8 * h);
        const __m256 scale = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(factors)));
        const __m256 min = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(factors + 1)));
        s.scale = _mm256_mul_ps(sk_halves_avx2(header + 16 * h), scale);
        const __m256 dmin = sk_halves_avx2(header + 32 + 16 * h);
        s.min = _mm256_sub_ps(_mm256_setzero_ps(), _mm256_mul_ps(dmin, min));
    } else {
        s.scale = sk_halves_avx2(block + 16 * h);
        if (f.has_min) {
            s.min = sk_halves_avx2(block + 32 + 16 * h);
        }
    }
    if (f.has_min && f.bits == 5) {
        s.min = _mm256_fmadd_ps(_mm256_set1_ps(16), s.scale, s.min);
    }
    return s;
}

/// The factor of outputs 8h ..< 8h + 8 for one half of a Q6_K block, as pairs of 16 bits.
SK_INLINE SK_TARGET_AVX2 __m256i half_factors(const uint8_t *block, int half, int h) {
    const __m128i bytes = _mm_loadl_epi64((const __m128i *)(block + 16 * half + 8 * h));
    const __m256i words = _mm256_cvtepi8_epi32(bytes);
    return _mm256_or_si256(_mm256_slli_epi32(words, 16),
                           _mm256_and_si256(words, _mm256_set1_epi32(0xffff)));
}

SK_INLINE SK_TARGET_AVX2 __m256i broadcast(const void *p) {
    return _mm256_set1_epi32(sk_load_i32(p));
}

/// Integer sums of one block for types of up to 6 bits.
///
/// Sums of neighbouring products run in 16 bits and may wrap: with `zero` taken off, 8 products of
/// 5-bit codes (or 4 of 6-bit codes) end within ±32512, whatever happens on the way.
SK_INLINE SK_TARGET_AVX2 void sum_codes(sk_type type, int rows, const uint8_t *block,
                                        const sk_activation_block *const *x,
                                        __m256i sums[ROWS][2]) {
    const sk_format f = sk_format_of(type);
    const int halves = type == SK_Q6_K ? 2 : 1;
    SK_UNROLL for (int half = 0; half < halves; half++) {
        __m256i pairs[ROWS][2];
        SK_UNROLL for (int r = 0; r < rows; r++) {
            const int starts = f.zero != 0 || f.bits == 5;
            const __m256i start = broadcast(&x[r]->start[half]);
            pairs[r][0] = starts ? start : _mm256_setzero_si256();
            pairs[r][1] = pairs[r][0];
        }
        for (int g = 0; g < 4; g++) {
            SK_UNROLL for (int nibble = half; nibble <= 2 - halves + half; nibble++) {
                const __m256i low = codes_of(f, block, nibble, g, 0);
                const __m256i up = codes_of(f, block, nibble, g, 1);
                SK_UNROLL for (int r = 0; r < rows; r++) {
                    const __m256i values = broadcast(x[r]->codes + 16 * nibble + 4 * g);
                    pairs[r][0] = _mm256_add_epi16(pairs[r][0], _mm256_maddubs_epi16(low, values));
                    pairs[r][1] = _mm256_add_epi16(pairs[r][1], _mm256_maddubs_epi16(up, values));
                }
            }
        }
        SK_UNROLL for (int h = 0; h < 2; h++) {
            const __m256i factors =
                type == SK_Q6_K ? half_factors(block, half, h) : _mm256_set1_epi16(1);
            SK_UNROLL for (int r = 0; r < rows; r++) {
                const __m256i sum = _mm256_madd_epi16(pairs[r][h], factors);
                sums[r][h] = half == 0 ? sum : _mm256_add_epi32(sums[r][h], sum);
            }
        }
    }
}

/// Integer sums of one Q8_0 block, in products of 16 bits: codes 0 and 2 of each group, then 1
/// and 3.
SK_INLINE SK_TARGET_AVX2 void sum_bytes(int rows, const uint8_t *block,
                                        const sk_word_block *const *x, __m256i sums[ROWS][2]) {
    const __m256i mask = _mm256_set1_epi16(255);
    SK_UNROLL for (int r = 0; r < rows; r++) {
        sums[r][0] = broadcast(&x[r]->start);
        sums[r][1] = sums[r][0];
    }
    for (int g = 0; g < 8; g++) {
        const __m256i low = sk_load_avx2(block + 32 + 64 * g);
        const __m256i up = sk_load_avx2(block + 64 + 64 * g);
        SK_UNROLL for (int odd = 0; odd < 2; odd++) {
            const __m256i a = odd ? _mm256_srli_epi16(low, 8) : _mm256_and_si256(low, mask);
            const __m256i b = odd ? _mm256_srli_epi16(up, 8) : _mm256_and_si256(up, mask);
            SK_UNROLL for (int r = 0; r < rows; r++) {
                const __m256i values = broadcast(x[r]->codes[g][odd]);
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
        const uint8_t *header = sk_header_at(f, tile, b);
        const uint8_t *block = sk_block_at(f, tile, b);
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
            sum_codes(type, rows, block, x, sums);
        }
        SK_UNROLL for (int h = 0; h < 2; h++) {
            const scales s = scales_of(type, header, block, h);
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

SK_INLINE SK_TARGET_AVX2 void all_tiles(sk_type type, const sk_panel *p) {
    for (ptrdiff_t t = 0; t < p->tiles; t++) {
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
}

SK_TARGET_AVX2 void sk_q4_0_panel_avx2(const sk_panel *p) { all_tiles(SK_Q4_0, p); }
SK_TARGET_AVX2 void sk_q4_1_panel_avx2(const sk_panel *p) { all_tiles(SK_Q4_1, p); }
SK_TARGET_AVX2 void sk_q5_0_panel_avx2(const sk_panel *p) { all_tiles(SK_Q5_0, p); }
SK_TARGET_AVX2 void sk_q5_1_panel_avx2(const sk_panel *p) { all_tiles(SK_Q5_1, p); }
SK_TARGET_AVX2 void sk_q8_0_panel_avx2(const sk_panel *p) { all_tiles(SK_Q8_0, p); }
SK_TARGET_AVX2 void sk_q4_k_panel_avx2(const sk_panel *p) { all_tiles(SK_Q4_K, p); }
SK_TARGET_AVX2 void sk_q5_k_panel_avx2(const sk_panel *p) { all_tiles(SK_Q5_K, p); }
SK_TARGET_AVX2 void sk_q6_k_panel_avx2(const sk_panel *p) { all_tiles(SK_Q6_K, p); }

#endif
