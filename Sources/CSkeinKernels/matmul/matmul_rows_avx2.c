#include "matmul.h"

#if defined(SK_X86)
#include "matmul_int_avx2.h"

enum { ROWS = SK_ROWS_AVX2, RUN = 8 };

/// A run of blocks of one tile, ready for any number of rows.
typedef struct unpacked {
    __m256i codes[RUN][8][2]; ///< [block][k group][outputs / 8]
    sk_scales_avx2 scales[RUN][2];
    __m256i factors[RUN][2][2]; ///< Q6_K: [block][half][outputs / 8]
    ptrdiff_t blocks;
} unpacked;

SK_INLINE SK_TARGET_AVX2 void unpack(sk_type type, unpacked *u, sk_runs runs, const uint8_t *tile,
                                     ptrdiff_t begin, ptrdiff_t end) {
    const sk_format f = sk_format_of(type);
    u->blocks = end - begin;
    for (ptrdiff_t b = begin; b < end; b++) {
        const sk_place at = sk_place_of(f, runs, b);
        const uint8_t *block = tile + at.block;
        const uint8_t *scales = tile + at.scales;
        __m256i(*codes)[2] = u->codes[b - begin];
        SK_UNROLL for (int h = 0; h < 2; h++) {
            SK_UNROLL for (int g = 0; g < 4; g++) {
                codes[g][h] = sk_codes_avx2(f, block, 0, g, h);
                codes[g + 4][h] = sk_codes_avx2(f, block, 1, g, h);
            }
            u->scales[b - begin][h] = sk_scales_of_avx2(type, tile + at.header, scales, h);
            SK_UNROLL for (int half = 0; half < 2; half++) {
                if (f.bits == 6) {
                    u->factors[b - begin][half][h] = type == SK_Q6_K
                                                         ? sk_half_factors_avx2(scales, half, h)
                                                         : _mm256_set1_epi16(1);
                }
            }
        }
    }
}

static SK_TARGET_AVX2 void unpack_run(sk_type type, unpacked *u, sk_runs runs, const uint8_t *tile,
                                      ptrdiff_t begin, ptrdiff_t end) {
    switch (type) {
    case SK_Q4_0:
        unpack(SK_Q4_0, u, sk_runs_of(SK_Q4_0), tile, begin, end);
        break;
    case SK_Q4_1:
        unpack(SK_Q4_1, u, sk_runs_of(SK_Q4_1), tile, begin, end);
        break;
    case SK_Q5_0:
        unpack(SK_Q5_0, u, sk_runs_of(SK_Q5_0), tile, begin, end);
        break;
    case SK_Q5_1:
        unpack(SK_Q5_1, u, sk_runs_of(SK_Q5_1), tile, begin, end);
        break;
    case SK_Q4_K:
        unpack(SK_Q4_K, u, sk_runs_of(SK_Q4_K), tile, begin, end);
        break;
    case SK_Q5_K:
        unpack(SK_Q5_K, u, sk_runs_of(SK_Q5_K), tile, begin, end);
        break;
    case SK_GROUPED | 2:
        unpack(SK_GROUPED | 2, u, runs, tile, begin, end);
        break;
    case SK_GROUPED | 3:
        unpack(SK_GROUPED | 3, u, runs, tile, begin, end);
        break;
    case SK_GROUPED | 4:
        unpack(SK_GROUPED | 4, u, runs, tile, begin, end);
        break;
    case SK_GROUPED | 5:
        unpack(SK_GROUPED | 5, u, runs, tile, begin, end);
        break;
    case SK_GROUPED | 6:
        unpack(SK_GROUPED | 6, u, runs, tile, begin, end);
        break;
    case SK_GROUPED | 18:
        unpack(SK_GROUPED | 18, u, runs, tile, begin, end);
        break;
    case SK_GROUPED | 19:
        unpack(SK_GROUPED | 19, u, runs, tile, begin, end);
        break;
    case SK_GROUPED | 20:
        unpack(SK_GROUPED | 20, u, runs, tile, begin, end);
        break;
    case SK_GROUPED | 21:
        unpack(SK_GROUPED | 21, u, runs, tile, begin, end);
        break;
    default:
        unpack(SK_Q6_K, u, sk_runs_of(SK_Q6_K), tile, begin, end);
        break;
    }
}

/// The steps of `one_tile` in matmul_int_avx2.c, bit for bit, over unpacked blocks.
SK_INLINE SK_TARGET_AVX2 void add_run(int rows, int halves, int has_min, const unpacked *u,
                                      const uint8_t *x, size_t x_bytes, __m256 (*totals)[2]) {
    __m256 sums[ROWS][2];
    SK_UNROLL for (int r = 0; r < rows; r++) {
        sums[r][0] = totals[r][0];
        sums[r][1] = totals[r][1];
    }
    for (ptrdiff_t b = 0; b < u->blocks; b++) {
        const sk_activation_block *block[ROWS];
        __m256i integers[ROWS][2];
        SK_UNROLL for (int r = 0; r < rows; r++) {
            block[r] = (const sk_activation_block *)(x + (size_t)r * x_bytes) + b;
        }
        SK_UNROLL for (int half = 0; half < halves; half++) {
            __m256i pairs[ROWS][2];
            SK_UNROLL for (int r = 0; r < rows; r++) {
                pairs[r][0] = sk_broadcast_avx2(&block[r]->start[half]);
                pairs[r][1] = pairs[r][0];
            }
            SK_ROLLED for (int g = 8 / halves * half; g < 8 / halves * (half + 1); g++) {
                const __m256i low = u->codes[b][g][0];
                const __m256i up = u->codes[b][g][1];
                SK_UNROLL for (int r = 0; r < rows; r++) {
                    const __m256i values = sk_broadcast_avx2(block[r]->codes + 4 * g);
                    pairs[r][0] = _mm256_add_epi16(pairs[r][0], _mm256_maddubs_epi16(low, values));
                    pairs[r][1] = _mm256_add_epi16(pairs[r][1], _mm256_maddubs_epi16(up, values));
                }
            }
            SK_UNROLL for (int h = 0; h < 2; h++) {
                const __m256i factors = halves == 2 ? u->factors[b][half][h] : _mm256_set1_epi16(1);
                SK_UNROLL for (int r = 0; r < rows; r++) {
                    const __m256i sum = _mm256_madd_epi16(pairs[r][h], factors);
                    integers[r][h] = half == 0 ? sum : _mm256_add_epi32(integers[r][h], sum);
                }
            }
        }
        SK_UNROLL for (int h = 0; h < 2; h++) {
            SK_UNROLL for (int r = 0; r < rows; r++) {
                const __m256 scale =
                    _mm256_mul_ps(u->scales[b][h].scale, _mm256_set1_ps(block[r]->scale));
                sums[r][h] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(integers[r][h]), scale, sums[r][h]);
                if (has_min) {
                    sums[r][h] = _mm256_fmadd_ps(u->scales[b][h].min, _mm256_set1_ps(block[r]->sum),
                                                 sums[r][h]);
                }
            }
        }
    }
    SK_UNROLL for (int r = 0; r < rows; r++) {
        totals[r][0] = sums[r][0];
        totals[r][1] = sums[r][1];
    }
}

/// More than ROWS rows in blocks of almost equal height, which then have at least two.
SK_INLINE SK_TARGET_AVX2 void add_rows(int halves, int has_min, const unpacked *u, ptrdiff_t rows,
                                       const uint8_t *x, size_t x_bytes, __m256 (*totals)[2]) {
    const ptrdiff_t blocks = (rows + ROWS - 1) / ROWS;
    for (ptrdiff_t i = 0; i < blocks; i++) {
        const ptrdiff_t first = rows * i / blocks;
        const uint8_t *from = x + (size_t)first * x_bytes;
        switch (rows * (i + 1) / blocks - first) {
        case 2:
            add_run(2, halves, has_min, u, from, x_bytes, totals + first);
            break;
        case 3:
            add_run(3, halves, has_min, u, from, x_bytes, totals + first);
            break;
        default:
            add_run(4, halves, has_min, u, from, x_bytes, totals + first);
            break;
        }
    }
}

static SK_TARGET_AVX2 void add_plain(const unpacked *u, ptrdiff_t rows, const uint8_t *x,
                                     size_t x_bytes, __m256 (*totals)[2]) {
    add_rows(1, 0, u, rows, x, x_bytes, totals);
}

static SK_TARGET_AVX2 void add_with_min(const unpacked *u, ptrdiff_t rows, const uint8_t *x,
                                        size_t x_bytes, __m256 (*totals)[2]) {
    add_rows(1, 1, u, rows, x, x_bytes, totals);
}

static SK_TARGET_AVX2 void add_halves(const unpacked *u, ptrdiff_t rows, const uint8_t *x,
                                      size_t x_bytes, __m256 (*totals)[2]) {
    add_rows(2, 0, u, rows, x, x_bytes, totals);
}

SK_TARGET_AVX2 void sk_many_rows_avx2(sk_type type, const sk_panel *p) {
    const sk_format f = sk_format_of(type);
    unpacked u;
    __m256 totals[SK_MANY_ROWS_AVX2][2];
    for (ptrdiff_t t = 0; t < p->tiles; t++) {
        const uint8_t *tile = p->tile + (size_t)t * p->tile_bytes;
        for (ptrdiff_t r = 0; r < p->rows; r++) {
            totals[r][0] = _mm256_setzero_ps();
            totals[r][1] = _mm256_setzero_ps();
        }
        for (ptrdiff_t b = p->begin; b < p->end; b += RUN) {
            const uint8_t *x = p->x + (size_t)b * sizeof(sk_activation_block);
            unpack_run(type, &u, sk_runs_in(type, p), tile, b, p->end - b < RUN ? p->end : b + RUN);
            if (f.bits == 6) {
                add_halves(&u, p->rows, x, p->x_bytes, totals);
            } else if (f.has_min) {
                add_with_min(&u, p->rows, x, p->x_bytes, totals);
            } else {
                add_plain(&u, p->rows, x, p->x_bytes, totals);
            }
        }
        for (ptrdiff_t r = 0; r < p->rows; r++) {
            sk_store_avx2(p, p->y + r * p->ldy, t * SK_TILE_N, totals[r][0]);
            sk_store_avx2(p, p->y + r * p->ldy, t * SK_TILE_N + 8, totals[r][1]);
        }
    }
}

#endif
