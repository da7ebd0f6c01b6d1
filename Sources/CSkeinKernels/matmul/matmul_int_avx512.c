#include "matmul.h"

#if defined(SK_X86)
#include "matmul_x86.h"

enum {
    ROWS = 6,
    TILES = 3,
    PREFETCH = 2048, ///< bytes ahead
};

SK_INLINE SK_TARGET_AVX512 __m512i load(const uint8_t *p) { return _mm512_loadu_si512(p); }

/// Sixteen outputs' codes of k group g + 4 * nibble as unsigned bytes.
SK_INLINE SK_TARGET_AVX512 __m512i codes_of(sk_format f, const uint8_t *block, int nibble, int g) {
    const uint8_t *high = block;
    const uint8_t *codes = high + f.high_bytes;
    if (f.bits == 8) {
        return load(codes + 64 * (g + 4 * nibble));
    }
    if (f.bits < 4) {
        const __m128i two = _mm_cvtsi32_si128(2 * g);
        __m512i low = _mm512_srl_epi16(load(codes + 64 * nibble), two);
        low = _mm512_and_si512(low, _mm512_set1_epi8(3));
        if (f.bits == 2) {
            return low;
        }
        const __m128i one = _mm_cvtsi32_si128(g + 4 * nibble);
        const __m512i upper = _mm512_srl_epi16(load(high), one);
        const __m512i bit = _mm512_and_si512(upper, _mm512_set1_epi8(1));
        return _mm512_or_si512(low, _mm512_slli_epi16(bit, 2));
    }
    __m512i code = load(codes + 64 * g);
    if (nibble != 0) {
        code = _mm512_srli_epi16(code, 4);
    }
    code = _mm512_and_si512(code, _mm512_set1_epi8(15));
    if (f.high_bytes != 0) {
        const uint8_t *plane = f.bits == 6 ? high + 64 * nibble : high;
        const int shift = f.bits == 6 ? 2 * g : g + 4 * nibble;
        const __m512i mask = _mm512_set1_epi8(f.bits == 6 ? 3 : 1);
        const __m512i upper = _mm512_srl_epi16(load(plane), _mm_cvtsi32_si128(shift));
        code = _mm512_or_si512(code, _mm512_slli_epi16(_mm512_and_si512(upper, mask), 4));
    }
    return code;
}

typedef struct factors {
    __m512 scale, min;
} factors;

SK_INLINE SK_TARGET_AVX512 __m512 halves(const uint8_t *p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
}

/// Factors of a block's sixteen outputs; those of Q6_K belong to one half of the block.
SK_INLINE SK_TARGET_AVX512 factors factors_of(sk_type type, const uint8_t *header,
                                              const uint8_t *scales, int half) {
    const sk_format f = sk_format_of(type);
    factors s = {_mm512_setzero_ps(), _mm512_setzero_ps()};
    const __m128i *bytes = (const __m128i *)scales;
    if (type == SK_Q6_K) {
        const __m512i factor = _mm512_cvtepi8_epi32(_mm_loadu_si128(bytes + half));
        s.scale = _mm512_mul_ps(halves(header), _mm512_cvtepi32_ps(factor));
    } else if (f.header_bytes != 0) {
        const __m512i scale = _mm512_cvtepu8_epi32(_mm_loadu_si128(bytes));
        const __m512i min = _mm512_cvtepu8_epi32(_mm_loadu_si128(bytes + 1));
        s.scale = _mm512_mul_ps(halves(header), _mm512_cvtepi32_ps(scale));
        s.min = _mm512_mul_ps(halves(header + 32), _mm512_cvtepi32_ps(min));
        s.min = _mm512_sub_ps(_mm512_setzero_ps(), s.min);
    } else {
        s.scale = halves(scales);
        if (f.has_min) {
            s.min = halves(scales + 32);
        }
    }
    return s;
}

/// One block (of Q6_K: one half of one) of a few tiles for `rows` rows: exact integer sums, then
/// one fused step into the f32 totals.
SK_INLINE SK_TARGET_AVX512 void add_block(sk_type type, int rows, int tiles, int half,
                                          const uint8_t *const *tile, sk_place at,
                                          const sk_activation_block *const *x,
                                          __m512 totals[ROWS][TILES]) {
    const sk_format f = sk_format_of(type);
    __m512i sums[ROWS][TILES];
    SK_UNROLL for (int r = 0; r < rows; r++) {
        SK_UNROLL for (int t = 0; t < tiles; t++) {
            sums[r][t] =
                f.zero != 0 ? _mm512_set1_epi32(x[r]->start[half]) : _mm512_setzero_si512();
        }
    }
    const int last = type == SK_Q6_K ? half : 1;
    SK_UNROLL for (int g = 0; g < 4; g++) {
        SK_UNROLL for (int nibble = half; nibble <= last; nibble++) {
            __m512i codes[TILES];
            SK_UNROLL for (int t = 0; t < tiles; t++) {
                codes[t] = codes_of(f, tile[t] + at.block, nibble, g);
            }
            SK_UNROLL for (int r = 0; r < rows; r++) {
                const __m512i values =
                    _mm512_set1_epi32(sk_load_i32(x[r]->codes + 16 * nibble + 4 * g));
                SK_UNROLL for (int t = 0; t < tiles; t++) {
                    sums[r][t] = _mm512_dpbusd_epi32(sums[r][t], codes[t], values);
                }
            }
        }
    }
    SK_UNROLL for (int t = 0; t < tiles; t++) {
        const factors s = factors_of(type, tile[t] + at.header, tile[t] + at.scales, half);
        SK_UNROLL for (int r = 0; r < rows; r++) {
            const __m512 scale = _mm512_mul_ps(s.scale, _mm512_set1_ps(x[r]->scale));
            totals[r][t] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums[r][t]), scale, totals[r][t]);
            if (f.has_min) {
                totals[r][t] = _mm512_fmadd_ps(s.min, _mm512_set1_ps(x[r]->sum), totals[r][t]);
            }
        }
    }
}

SK_INLINE SK_TARGET_AVX512 void some_tiles(sk_type type, int rows, int tiles, const sk_panel *p,
                                           ptrdiff_t first) {
    const sk_format f = sk_format_of(type);
    const sk_runs runs = sk_runs_in(type, p);
    const uint8_t *tile[TILES];
    SK_UNROLL for (int t = 0; t < tiles; t++) {
        tile[t] = p->tile + (size_t)(first + t) * p->tile_bytes;
    }
    __m512 totals[ROWS][TILES];
    SK_UNROLL for (int r = 0; r < rows; r++) {
        SK_UNROLL for (int t = 0; t < tiles; t++) { totals[r][t] = _mm512_setzero_ps(); }
    }
    // Past a tile's end lies one of these tiles; what comes next is its place among the next few.
    // Whole bytes wait for memory alone and gain nothing by it.
    const size_t turn = f.bits == 8 ? 0 : (size_t)(tiles - 1) * p->tile_bytes;
    for (ptrdiff_t b = p->begin; b < p->end; b++) {
        const sk_place at = sk_place_of(f, runs, b);
        const sk_activation_block *x[ROWS];
        const size_t ahead = at.block + PREFETCH;
        const size_t from = ahead < p->tile_bytes ? ahead : ahead + turn;
        SK_UNROLL for (int t = 0; t < tiles; t++) {
            for (size_t line = 0; line < sk_block_size(f); line += 64) {
                _mm_prefetch((const char *)tile[t] + from + line, _MM_HINT_T0);
            }
        }
        SK_UNROLL for (int r = 0; r < rows; r++) {
            x[r] = (const sk_activation_block *)(p->x + (size_t)r * p->x_bytes) + b;
        }
        add_block(type, rows, tiles, 0, tile, at, x, totals);
        if (type == SK_Q6_K) {
            add_block(type, rows, tiles, 1, tile, at, x, totals);
        }
    }
    SK_UNROLL for (int r = 0; r < rows; r++) {
        SK_UNROLL for (int t = 0; t < tiles; t++) {
            sk_store_avx512(p, p->y + r * p->ldy, (first + t) * SK_TILE_N, totals[r][t]);
        }
    }
}

/// Runs of as many tiles as keep the multipliers busy, then single ones.
SK_INLINE SK_TARGET_AVX512 void all_tiles(sk_type type, int rows, const sk_panel *p) {
    const int tiles = rows <= 4 && sk_format_of(type).bits == 8 ? TILES : TILES - 1;
    ptrdiff_t t = 0;
    for (; t + tiles <= p->tiles; t += tiles) {
        some_tiles(type, rows, tiles, p, t);
    }
    for (; t < p->tiles; t++) {
        some_tiles(type, rows, 1, p, t);
    }
}

SK_INLINE SK_TARGET_AVX512 void by_rows(sk_type type, const sk_panel *p) {
    switch (p->rows) {
    case 1:
        all_tiles(type, 1, p);
        break;
    case 2:
        all_tiles(type, 2, p);
        break;
    case 3:
        all_tiles(type, 3, p);
        break;
    case 4:
        all_tiles(type, 4, p);
        break;
    case 5:
        all_tiles(type, 5, p);
        break;
    default:
        all_tiles(type, 6, p);
        break;
    }
}

SK_TARGET_AVX512 void sk_q4_0_panel_avx512(const sk_panel *p) { by_rows(SK_Q4_0, p); }
SK_TARGET_AVX512 void sk_q4_1_panel_avx512(const sk_panel *p) { by_rows(SK_Q4_1, p); }
SK_TARGET_AVX512 void sk_q5_0_panel_avx512(const sk_panel *p) { by_rows(SK_Q5_0, p); }
SK_TARGET_AVX512 void sk_q5_1_panel_avx512(const sk_panel *p) { by_rows(SK_Q5_1, p); }
SK_TARGET_AVX512 void sk_q8_0_panel_avx512(const sk_panel *p) { by_rows(SK_Q8_0, p); }
SK_TARGET_AVX512 void sk_q4_k_panel_avx512(const sk_panel *p) { by_rows(SK_Q4_K, p); }
SK_TARGET_AVX512 void sk_q5_k_panel_avx512(const sk_panel *p) { by_rows(SK_Q5_K, p); }
SK_TARGET_AVX512 void sk_q6_k_panel_avx512(const sk_panel *p) { by_rows(SK_Q6_K, p); }
SK_TARGET_AVX512 void sk_g2_panel_avx512(const sk_panel *p) { by_rows(SK_GROUPED | 2, p); }
SK_TARGET_AVX512 void sk_g3_panel_avx512(const sk_panel *p) { by_rows(SK_GROUPED | 3, p); }
SK_TARGET_AVX512 void sk_g4_panel_avx512(const sk_panel *p) { by_rows(SK_GROUPED | 4, p); }
SK_TARGET_AVX512 void sk_g5_panel_avx512(const sk_panel *p) { by_rows(SK_GROUPED | 5, p); }
SK_TARGET_AVX512 void sk_g6_panel_avx512(const sk_panel *p) { by_rows(SK_GROUPED | 6, p); }
SK_TARGET_AVX512 void sk_g8_panel_avx512(const sk_panel *p) { by_rows(SK_GROUPED | 8, p); }
SK_TARGET_AVX512 void sk_g2_min_panel_avx512(const sk_panel *p) { by_rows(SK_GROUPED | 18, p); }
SK_TARGET_AVX512 void sk_g3_min_panel_avx512(const sk_panel *p) { by_rows(SK_GROUPED | 19, p); }
SK_TARGET_AVX512 void sk_g4_min_panel_avx512(const sk_panel *p) { by_rows(SK_GROUPED | 20, p); }
SK_TARGET_AVX512 void sk_g5_min_panel_avx512(const sk_panel *p) { by_rows(SK_GROUPED | 21, p); }

#endif
