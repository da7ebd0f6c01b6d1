#include "matmul.h"

#if defined(SK_X86)
#include "matmul_x86.h"

enum {
    ROWS = 12,
    TILES = 4,
    PREFETCH = 1024, ///< bytes ahead
};

/// One step is one value of k, or a pair of bf16.
SK_INLINE SK_TARGET_AVX512 __m512 weights_at(sk_type type, const uint8_t *tile, ptrdiff_t step) {
    if (type == SK_F16) {
        return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)tile + step));
    }
    return _mm512_loadu_ps(tile + step * 64);
}

SK_INLINE SK_TARGET_AVX512 __m512 add_product(sk_type type, __m512 sum, __m512 w, __m512 x) {
    if (type == SK_BF16) {
        return _mm512_dpbf16_ps(sum, (__m512bh)w, (__m512bh)x);
    }
    return _mm512_fmadd_ps(x, w, sum);
}

/// A few tiles for `rows` rows, over the panel's K range. Each sum grows by one step at a time.
SK_INLINE SK_TARGET_AVX512 void some_tiles(sk_type type, int rows, int tiles, const sk_panel *p,
                                           ptrdiff_t first) {
    const uint8_t *tile = p->tile + (size_t)first * p->tile_bytes;
    const int values = type == SK_BF16 ? 2 : 1;
    const ptrdiff_t step_bytes = type == SK_F16 ? 32 : 64;
    const float *x[ROWS];
    __m512 sums[ROWS][TILES];
    SK_UNROLL for (int r = 0; r < rows; r++) {
        x[r] = (const float *)(p->x + (size_t)r * p->x_bytes);
        SK_UNROLL for (int t = 0; t < tiles; t++) {
            const float *from = p->partial + r * p->partial_ld + (first + t) * SK_TILE_N;
            sums[r][t] = p->is_first ? _mm512_setzero_ps() : _mm512_loadu_ps(from);
        }
    }
    const ptrdiff_t end = (p->end + values - 1) / values;
    for (ptrdiff_t step = p->begin / values; step < end; step++) {
        __m512 w[TILES];
        SK_UNROLL for (int t = 0; t < tiles; t++) {
            const uint8_t *at = tile + (size_t)t * p->tile_bytes;
            _mm_prefetch((const char *)at + step * step_bytes + PREFETCH, _MM_HINT_T0);
            w[t] = weights_at(type, at, step);
        }
        SK_UNROLL for (int r = 0; r < rows; r++) {
            const __m512 value = _mm512_set1_ps(x[r][step]);
            SK_UNROLL for (int t = 0; t < tiles; t++) {
                sums[r][t] = add_product(type, sums[r][t], w[t], value);
            }
        }
    }
    SK_UNROLL for (int r = 0; r < rows; r++) {
        SK_UNROLL for (int t = 0; t < tiles; t++) {
            const ptrdiff_t n = (first + t) * SK_TILE_N;
            if (p->is_last) {
                sk_store_avx512(p, p->y + r * p->ldy, n, sums[r][t]);
            } else {
                _mm512_storeu_ps(p->partial + r * p->partial_ld + n, sums[r][t]);
            }
        }
    }
}

/// Runs of as many tiles as registers hold, then single ones.
SK_INLINE SK_TARGET_AVX512 void all_tiles(sk_type type, int rows, const sk_panel *p) {
    const int tiles = rows <= ROWS / 2 ? TILES : TILES / 2;
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
    case 6:
        all_tiles(type, 6, p);
        break;
    case 7:
        all_tiles(type, 7, p);
        break;
    case 8:
        all_tiles(type, 8, p);
        break;
    case 9:
        all_tiles(type, 9, p);
        break;
    case 10:
        all_tiles(type, 10, p);
        break;
    case 11:
        all_tiles(type, 11, p);
        break;
    default:
        all_tiles(type, 12, p);
        break;
    }
}

SK_TARGET_AVX512 void sk_f32_panel_avx512(const sk_panel *p) { by_rows(SK_F32, p); }
SK_TARGET_AVX512 void sk_f16_panel_avx512(const sk_panel *p) { by_rows(SK_F16, p); }
SK_TARGET_AVX512 void sk_bf16_panel_avx512(const sk_panel *p) { by_rows(SK_BF16, p); }

#endif
