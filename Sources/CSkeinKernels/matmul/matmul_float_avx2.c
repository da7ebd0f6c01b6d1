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
SK_INLINE SK_TARGET_AVX2 void add_values(sk_type type, int rows, int tiles, int step, int is_far,
                                         const uint8_t *tile, size_t tile_bytes,
                                         const float *const *x, ptrdiff_t k,
                                         __m256 sums[ROWS][VECTORS]) {
    const ptrdiff_t value_bytes = type == SK_F32 ? 4 : 2;
    const ptrdiff_t even = type == SK_BF16 ? k & ~(ptrdiff_t)1 : k;
    SK_UNROLL for (int t = 0; t < tiles && is_far; t++) {
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
SK_INLINE SK_TARGET_AVX2 void some_tiles(sk_type type, int rows, int tiles, int is_far,
                                         const sk_panel *p, ptrdiff_t t) {
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
    const int step = type == SK_BF16 || !is_far ? 2 : 1;
    for (; k + step <= p->end; k += step) {
        add_values(type, rows, tiles, step, is_far, tile, p->tile_bytes, x, k, sums);
    }
    if (k < p->end) {
        add_values(type, rows, tiles, 1, is_far, tile, p->tile_bytes, x, k, sums);
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
        some_tiles(type, rows, tiles, 1, p, t);
    }
    for (; t < p->tiles && tiles > 1; t++) {
        some_tiles(type, rows, 1, 1, p, t);
    }
}

/// A chunk of one tile for block `i` of a panel's rows, of 3 ... ROWS.
SK_INLINE SK_TARGET_AVX2 void row_block(sk_type type, int is_far, const sk_panel *p, ptrdiff_t t,
                                        ptrdiff_t i, ptrdiff_t blocks) {
    const ptrdiff_t first = p->rows * i / blocks;
    sk_panel part = *p;
    part.x += (size_t)first * p->x_bytes;
    part.y += first * p->ldy;
    part.partial += first * p->partial_ld;
    switch (p->rows * (i + 1) / blocks - first) {
    case 3:
        some_tiles(type, 3, 1, is_far, &part, t);
        break;
    case 4:
        some_tiles(type, 4, 1, is_far, &part, t);
        break;
    case 5:
        some_tiles(type, 5, 1, is_far, &part, t);
        break;
    default:
        some_tiles(type, 6, 1, is_far, &part, t);
        break;
    }
}

/// A chunk of one tile for more than ROWS rows, in blocks of almost equal height. When the weights
/// are far, the first block brings them near.
SK_INLINE SK_TARGET_AVX2 void all_rows(sk_type type, int is_far, const sk_panel *p, ptrdiff_t t) {
    const ptrdiff_t blocks = (p->rows + ROWS - 1) / ROWS;
    if (is_far) {
        row_block(type, 1, p, t, 0, blocks);
    }
    for (ptrdiff_t i = is_far; i < blocks; i++) {
        row_block(type, 0, p, t, i, blocks);
    }
}

/// A chunk of one tile as f32, while the chunk after it is on its way to the second cache.
SK_INLINE SK_TARGET_AVX2 void unpack_chunk(sk_type type, __m256 (*values)[2], const sk_panel *p,
                                           ptrdiff_t t) {
    const uint8_t *tile = p->tile + (size_t)t * p->tile_bytes;
    const uint8_t *next =
        t + 1 < p->tiles ? tile + p->tile_bytes : p->tile + SK_FLOAT_CHUNK * SK_TILE_N * 2;
    for (ptrdiff_t k = p->begin; k < p->end; k += 2) {
        _mm_prefetch((const char *)next + k * SK_TILE_N * 2, _MM_HINT_T1);
        SK_UNROLL for (int i = 0; i < 2; i++) {
            if (i == 0 || k + i < p->end) {
                values[k + i - p->begin][0] = weights_at(type, tile, k + i, 0);
                values[k + i - p->begin][1] = weights_at(type, tile, k + i, 1);
            }
        }
    }
}

static SK_TARGET_AVX2 void unpacked_rows(const sk_panel *p, ptrdiff_t t) {
    all_rows(SK_F32, 0, p, t);
}

/// Chunks of tiles for more than ROWS rows. Many rows pay for weights turned into f32 in the first
/// cache before row block after row block passes over them.
SK_INLINE SK_TARGET_AVX2 void many_rows(sk_type type, const sk_panel *p) {
    __m256 values[SK_FLOAT_CHUNK][2];
    for (ptrdiff_t t = 0; t < p->tiles; t++) {
        if (type == SK_F32 || p->rows < SK_MANY_ROWS_FLOAT) {
            all_rows(type, 1, p, t);
            continue;
        }
        unpack_chunk(type, values, p, t);
        sk_panel part = *p;
        part.tile = (const uint8_t *)values;
        part.tile_bytes = 0;
        part.x += (size_t)p->begin * sizeof(float);
        part.begin = 0;
        part.end = p->end - p->begin;
        unpacked_rows(&part, t);
    }
}

SK_INLINE SK_TARGET_AVX2 void all_tiles(sk_type type, const sk_panel *p) {
    if (p->rows > ROWS) {
        many_rows(type, p);
        return;
    }
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
