// Float products on AVX-512. The including file defines
//   LEVEL      the attribute of functions that use its instructions
//   BF16_DOTS  whether bf16 weights meet pairs of bf16 activations, else they are widened

#include "matmul_x86.h"

enum {
    ROWS = 12,
    FEW_ROWS = 6, ///< the most that leave registers for TILES tiles
    TILES = 4,
    PREFETCH = 2048, ///< bytes of each tile ahead
};

#if BF16_DOTS
/// The sums grow by a pair of values of k.
SK_INLINE LEVEL void add_step(sk_type type, int rows, int tiles, const uint8_t *const *tile,
                              size_t offset, size_t ahead, const float *const *x, ptrdiff_t step,
                              __m512 sums[ROWS][TILES]) {
    (void)type;
    __m512bh w[TILES];
    SK_UNROLL for (int t = 0; t < tiles; t++) {
        _mm_prefetch((const char *)tile[t] + offset + ahead, _MM_HINT_T0);
        w[t] = (__m512bh)_mm512_loadu_ps(tile[t] + offset);
    }
    SK_UNROLL for (int r = 0; r < rows; r++) {
        const __m512bh value = (__m512bh)_mm512_set1_ps(x[r][step]);
        SK_UNROLL for (int t = 0; t < tiles; t++) {
            sums[r][t] = _mm512_dpbf16_ps(sums[r][t], w[t], value);
        }
    }
}
#else
/// Sixteen outputs' weights of one step, which is one value of k or a pair of bf16.
SK_INLINE LEVEL __m512 weights_at(sk_type type, const uint8_t *at, int value) {
    if (type == SK_F16) {
        return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)at));
    }
    if (type == SK_BF16) {
        const __m512i pairs = _mm512_loadu_si512(at);
        return (__m512)(value == 0
                            ? _mm512_slli_epi32(pairs, 16)
                            : _mm512_and_si512(pairs, _mm512_set1_epi32((int32_t)0xffff0000)));
    }
    return _mm512_loadu_ps(at);
}

/// The sums grow by one value of k, or by a pair, the even one first.
SK_INLINE LEVEL void add_step(sk_type type, int rows, int tiles, const uint8_t *const *tile,
                              size_t offset, size_t ahead, const float *const *x, ptrdiff_t step,
                              __m512 sums[ROWS][TILES]) {
    const int values = type == SK_BF16 ? 2 : 1;
    SK_UNROLL for (int v = 0; v < values; v++) {
        __m512 w[TILES];
        SK_UNROLL for (int t = 0; t < tiles; t++) {
            const uint8_t *at = tile[t] + offset;
            if (v == 0) {
                _mm_prefetch((const char *)at + ahead, _MM_HINT_T0);
            }
            w[t] = weights_at(type, at, v);
        }
        SK_UNROLL for (int r = 0; r < rows; r++) {
            const __m512 value = _mm512_set1_ps(x[r][values * step + v]);
            SK_UNROLL for (int t = 0; t < tiles; t++) {
                sums[r][t] = _mm512_fmadd_ps(value, w[t], sums[r][t]);
            }
        }
    }
}
#endif

/// A few tiles for `rows` rows, over the panel's K range. Each sum grows by one step at a time.
SK_INLINE LEVEL void some_tiles(sk_type type, int rows, int tiles, const sk_panel *p,
                                ptrdiff_t first) {
    const int values = type == SK_BF16 ? 2 : 1;
    const uint8_t *tile[TILES];
    const float *x[ROWS];
    __m512 sums[ROWS][TILES];
    SK_UNROLL for (int t = 0; t < tiles; t++) {
        tile[t] = p->tile + sk_steps_in(type, p, first + t).first;
    }
    SK_UNROLL for (int r = 0; r < rows; r++) {
        x[r] = (const float *)(p->x + (size_t)r * p->x_bytes);
        SK_UNROLL for (int t = 0; t < tiles; t++) {
            const float *from = p->partial + r * p->partial_ld + (first + t) * SK_TILE_N;
            sums[r][t] = p->is_first ? _mm512_setzero_ps() : _mm512_loadu_ps(from);
        }
    }
    const size_t stride = sk_steps_in(type, p, first).stride;
    const size_t ahead = PREFETCH * (size_t)p->abreast;
    const ptrdiff_t end = (p->end + values - 1) / values;
    for (ptrdiff_t step = p->begin / values; step < end; step++) {
        add_step(type, rows, tiles, tile, (size_t)step * stride, ahead, x, step, sums);
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

SK_INLINE LEVEL void few_rows(sk_type type, int tiles, const sk_panel *p, ptrdiff_t first) {
    switch (p->rows) {
    case 1:
        some_tiles(type, 1, tiles, p, first);
        break;
    case 2:
        some_tiles(type, 2, tiles, p, first);
        break;
    case 3:
        some_tiles(type, 3, tiles, p, first);
        break;
    case 4:
        some_tiles(type, 4, tiles, p, first);
        break;
    case 5:
        some_tiles(type, 5, tiles, p, first);
        break;
    default:
        some_tiles(type, 6, tiles, p, first);
        break;
    }
}

/// All rows in blocks of almost equal height, while the tiles' weights stay in the first cache.
SK_INLINE LEVEL void blocks_of_rows(sk_type type, int tiles, const sk_panel *p, ptrdiff_t first) {
    const ptrdiff_t blocks = (p->rows + FEW_ROWS - 1) / FEW_ROWS;
    for (ptrdiff_t i = 0; i < blocks; i++) {
        const sk_panel part = sk_rows_of(p, p->rows * i / blocks, p->rows * (i + 1) / blocks);
        few_rows(type, tiles, &part, first);
    }
}

SK_INLINE LEVEL void by_blocks(sk_type type, const sk_panel *p) {
    ptrdiff_t t = 0;
    for (; t + TILES <= p->tiles; t += TILES) {
        blocks_of_rows(type, TILES, p, t);
    }
    for (; t + 2 <= p->tiles; t += 2) {
        blocks_of_rows(type, 2, p, t);
    }
    if (t < p->tiles) {
        blocks_of_rows(type, 1, p, t);
    }
}
