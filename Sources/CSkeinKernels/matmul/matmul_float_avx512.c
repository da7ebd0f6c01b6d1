#include "matmul.h"

#if defined(SK_X86)
#define LEVEL SK_TARGET_AVX512
#define BF16_DOTS 0
#include "matmul_float_avx512.h"

/// Six to twelve rows of two tiles or one, so that widening serves many rows.
SK_INLINE SK_TARGET_AVX512 void many_rows(int tiles, const sk_panel *p, ptrdiff_t first) {
    switch (p->rows) {
    case 6:
        some_tiles(SK_F16, 6, tiles, p, first);
        break;
    case 7:
        some_tiles(SK_F16, 7, tiles, p, first);
        break;
    case 8:
        some_tiles(SK_F16, 8, tiles, p, first);
        break;
    case 9:
        some_tiles(SK_F16, 9, tiles, p, first);
        break;
    case 10:
        some_tiles(SK_F16, 10, tiles, p, first);
        break;
    case 11:
        some_tiles(SK_F16, 11, tiles, p, first);
        break;
    default:
        some_tiles(SK_F16, 12, tiles, p, first);
        break;
    }
}

SK_TARGET_AVX512 void sk_f32_panel_avx512(const sk_panel *p) { by_blocks(SK_F32, p); }
SK_TARGET_AVX512 void sk_bf16_panel_avx512(const sk_panel *p) { by_blocks(SK_BF16, p); }

SK_TARGET_AVX512 void sk_f16_panel_avx512(const sk_panel *p) {
    if (p->rows <= FEW_ROWS) {
        by_blocks(SK_F16, p);
        return;
    }
    const ptrdiff_t blocks = (p->rows + ROWS - 1) / ROWS;
    for (ptrdiff_t t = 0; t < p->tiles; t += 2) {
        for (ptrdiff_t i = 0; i < blocks; i++) {
            const sk_panel part = sk_rows_of(p, p->rows * i / blocks, p->rows * (i + 1) / blocks);
            if (t + 2 <= p->tiles) {
                many_rows(2, &part, t);
            } else {
                many_rows(1, &part, t);
            }
        }
    }
}

SK_TARGET_AVX512 void sk_widen_avx512(sk_type type, float *values, const sk_panel *p,
                                      ptrdiff_t tile, ptrdiff_t tiles) {
    const sk_steps steps = sk_steps_in(type, p, tile);
    const ptrdiff_t step = type == SK_BF16 ? 2 : 1;
    for (ptrdiff_t k = p->begin; k < p->end; k += step) {
        const uint8_t *at = p->tile + steps.first + (size_t)(k / step) * steps.stride;
        for (int v = 0; v < step && k + v < p->end; v++) {
            for (ptrdiff_t t = 0; t < tiles; t++) {
                const uint8_t *from = at + (size_t)t * sk_step_bytes(type);
                _mm512_storeu_ps(values, weights_at(type, from, v));
                values += SK_TILE_N;
            }
        }
    }
}

#endif
