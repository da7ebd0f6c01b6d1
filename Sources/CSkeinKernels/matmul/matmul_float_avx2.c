#include "matmul.h"

#if defined(SK_X86)
#include "matmul_x86.h"

enum {
    ROWS = 6,
    VECTORS = 8,
    PREFETCH = 1024, ///< bytes ahead; the hardware alone does not keep pace with six rows
};

/// Weights of value k for outputs 8v ..< 8v + 8 of a tile.
SK_INLINE SK_TARGET_AVX2 __m256 weights_at(sk_type type, const uint8_t *tile, ptrdiff_t k, int v) {
    switch (type) {
    case SK_F32:
        return _mm256_loadu_ps((const float *)tile + k * SK_TILE_N + 8 * v);
    case SK_F16:
        return sk_halves_avx2(tile + (k * SK_TILE_N + 8 * v) * 2);
    default: {
        const __m256i pairs = sk_load_avx2(tile + ((k >> 1) * SK_TILE_N + 8 * v) * 4);
        return _mm256_castsi256_ps((k & 1) == 0
                                       ? _mm256_slli_epi32(pairs, 16)
                                       : _mm256_and_si256(pairs, _mm256_set1_epi32(-65536)));
    }
    }
}

/// `step` consecutive values into the sums, one fused multiply-add each. The few rows' values stay
/// in registers while weights pass, or the few weights while values pass.
SK_INLINE SK_TARGET_AVX2 void add_values(sk_type type, int rows, int tiles, int step,
                                         const uint8_t *tile, size_t tile_bytes,
                                         const float *const *x, ptrdiff_t k,
                                         __m256 sums[ROWS][VECTORS]) {
    const ptrdiff_t value_bytes = type == SK_F32 ? 4 : 2;
    const ptrdiff_t even = type == SK_BF16 ? k & ~(ptrdiff_t)1 : k;
    SK_UNROLL for (int t = 0; t < tiles; t++) {
        const uint8_t *line = tile + (size_t)t * tile_bytes + k * SK_TILE_N * value_bytes;
        _mm_prefetch((const char *)line + PREFETCH, _MM_HINT_T0);
    }
    if (rows == 2 || rows == 3) {
        __m256 values[2][ROWS];
        SK_UNROLL for (int r = 0; r < rows; r++) {
            SK_UNROLL for (int i = 0; i < step; i++) {
                values[i][r] = _mm256_broadcast_ss(x[r] + k + i);
            }
        }
        SK_UNROLL for (int v = 0; v < 2 * tiles; v++) {
            SK_UNROLL for (int i = 0; i < step; i++) {
                const uint8_t *at = tile + (size_t)(v / 2) * tile_bytes;
                const __m256 w = weights_at(type, at, even + i, v % 2);
                SK_UNROLL for (int r = 0; r < rows; r++) {
                    sums[r][v] = _mm256_fmadd_ps(values[i][r], w, sums[r][v]);
                }
            }
        }
        return;
    }
    SK_UNROLL for (int i = 0; i < step; i++) {
        __m256 w[VECTORS];
        SK_UNROLL for (int v = 0; v < 2 * tiles; v++) {
            w[v] = weights_at(type, tile + (size_t)(v / 2) * tile_bytes, even + i, v % 2);
        }
        SK_UNROLL for (int r = 0; r < rows; r++) {
            const __m256 value = _mm256_broadcast_ss(x[r] + k + i);
            SK_UNROLL for (int v = 0; v < 2 * tiles; v++) {
                sums[r][v] = _mm256_fmadd_ps(value, w[v], sums[r][v]);
            }
        }
    }
}

/// A few tiles for `rows` rows, over the panel's K range. Each sum grows by one product at a time.
SK_INLINE SK_TARGET_AVX2 void some_tiles(sk_type type, int rows, int tiles, const sk_panel *p,
                                         ptrdiff_t t) {
    const uint8_t *tile = p->tile + (size_t)t * p->tile_bytes;
    const float *x[ROWS];
    __m256 sums[ROWS][VECTORS];
    SK_UNROLL for (int r = 0; r < rows; r++) {
        x[r] = (const float *)(p->x + (size_t)r * p->x_bytes);
        SK_UNROLL for (int v = 0; v < 2 * tiles; v++) {
            const float *from = p->partial + r * p->partial_ld + t * SK_TILE_N + 8 * v;
            sums[r][v] = p->is_first ? _mm256_setzero_ps() : _mm256_loadu_ps(from);
        }
    }
    ptrdiff_t k = p->begin;
    const int step = type == SK_BF16 ? 2 : 1;
    for (; k + step <= p->end; k += step) {
        add_values(type, rows, tiles, step, tile, p->tile_bytes, x, k, sums);
    }
    if (k < p->end) {
        add_values(type, rows, tiles, 1, tile, p->tile_bytes, x, k, sums);
    }
    SK_UNROLL for (int r = 0; r < rows; r++) {
        SK_UNROLL for (int v = 0; v < 2 * tiles; v++) {
            const ptrdiff_t first = t * SK_TILE_N + 8 * v;
            if (p->is_last) {
                sk_store_avx2(p, p->y + r * p->ldy, first, sums[r][v]);
            } else {
                _mm256_storeu_ps(p->partial + r * p->partial_ld + first, sums[r][v]);
            }
        }
    }
}

/// Runs of `tiles` tiles, then single ones.
SK_INLINE SK_TARGET_AVX2 void runs_of_tiles(sk_type type, int rows, int tiles, const sk_panel *p) {
    ptrdiff_t t = 0;
    for (; t + tiles <= p->tiles; t += tiles) {
        some_tiles(type, rows, tiles, p, t);
    }
    for (; t < p->tiles && tiles > 1; t++) {
        some_tiles(type, rows, 1, p, t);
    }
}

SK_INLINE SK_TARGET_AVX2 void all_tiles(sk_type type, const sk_panel *p) {
    switch (p->rows) {
    case 1:
        runs_of_tiles(type, 1, 4, p);
        break;
    case 2:
        runs_of_tiles(type, 2, 2, p);
        break;
    case 3:
        runs_of_tiles(type, 3, 2, p);
        break;
    case 4:
        runs_of_tiles(type, 4, 1, p);
        break;
    case 5:
        runs_of_tiles(type, 5, 1, p);
        break;
    default:
        runs_of_tiles(type, 6, 1, p);
        break;
    }
}

SK_TARGET_AVX2 void sk_f32_panel_avx2(const sk_panel *p) { all_tiles(SK_F32, p); }
SK_TARGET_AVX2 void sk_f16_panel_avx2(const sk_panel *p) { all_tiles(SK_F16, p); }
SK_TARGET_AVX2 void sk_bf16_panel_avx2(const sk_panel *p) { all_tiles(SK_BF16, p); }

#endif
