#include "matmul.h"

#if defined(SK_NEON)
#include <arm_neon.h>

#if defined(__clang__)
#define SK_TARGET_DOT __attribute__((target("dotprod")))
#else
#define SK_TARGET_DOT __attribute__((target("arch=armv8.2-a+dotprod")))
#endif

enum { ROWS = 4, VECTORS = 4 };

/// Stores four sums as outputs first ..< first + 4 of a row that has p->columns.
SK_INLINE void store(const sk_panel *p, float *y, ptrdiff_t first, float32x4_t sum) {
    float lanes[4];
    vst1q_f32(lanes, sum);
    for (ptrdiff_t i = 0; i < 4 && first + i < p->columns; i++) {
        const float value = lanes[i] + (p->bias == NULL ? 0 : p->bias[first + i]);
        y[first + i] = p->accumulate ? y[first + i] + value : value;
    }
}

SK_INLINE float32x4_t halves(const uint8_t *p) {
    return vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(p)));
}

/// Four outputs' codes of k group g + 4 * nibble, those of Q8_0 as values.
SK_INLINE int8x16_t codes_of(sk_format f, const uint8_t *block, int nibble, int g, int v) {
    const uint8_t *high = block;
    const uint8_t *codes = high + f.high_bytes;
    if (f.bits == 8) {
        const uint8x16_t code = vld1q_u8(codes + 64 * (g + 4 * nibble) + 16 * v);
        return vreinterpretq_s8_u8(veorq_u8(code, vdupq_n_u8(128)));
    }
    if (f.bits < 4) {
        const uint8x16_t pairs = vld1q_u8(codes + 64 * nibble + 16 * v);
        const uint8x16_t low =
            vandq_u8(vshlq_u8(pairs, vdupq_n_s8((int8_t)(-2 * g))), vdupq_n_u8(3));
        if (f.bits == 2) {
            return vreinterpretq_s8_u8(low);
        }
        const int8x16_t shift = vdupq_n_s8((int8_t)(-g - 4 * nibble));
        const uint8x16_t bit = vandq_u8(vshlq_u8(vld1q_u8(high + 16 * v), shift), vdupq_n_u8(1));
        return vreinterpretq_s8_u8(vorrq_u8(low, vshlq_n_u8(bit, 2)));
    }
    uint8x16_t code = vld1q_u8(codes + 64 * g + 16 * v);
    code = nibble != 0 ? vshrq_n_u8(code, 4) : vandq_u8(code, vdupq_n_u8(15));
    if (f.high_bytes != 0) {
        const uint8_t *plane = f.bits == 6 ? high + 64 * nibble : high;
        const int shift = f.bits == 6 ? 2 * g : g + 4 * nibble;
        uint8x16_t upper = vshlq_u8(vld1q_u8(plane + 16 * v), vdupq_n_s8((int8_t)-shift));
        upper = vandq_u8(upper, vdupq_n_u8(f.bits == 6 ? 3 : 1));
        code = vorrq_u8(code, vshlq_n_u8(upper, 4));
    }
    return vreinterpretq_s8_u8(code);
}

typedef struct factors {
    float32x4_t scale, min;
} factors;

SK_INLINE float32x4_t bytes_as_floats(const uint8_t *p, int is_signed) {
    uint8_t padded[8] = {0};
    memcpy(padded, p, 4);
    const uint8x8_t bytes = vld1_u8(padded);
    if (is_signed) {
        const int16x8_t words = vmovl_s8(vreinterpret_s8_u8(bytes));
        return vcvtq_f32_s32(vmovl_s16(vget_low_s16(words)));
    }
    return vcvtq_f32_u32(vmovl_u16(vget_low_u16(vmovl_u8(bytes))));
}

/// Factors of outputs 4v ..< 4v + 4; those of Q6_K belong to one half of the block.
SK_INLINE factors factors_of(sk_type type, const uint8_t *header, const uint8_t *scales, int half,
                             int v) {
    const sk_format f = sk_format_of(type);
    factors s = {vdupq_n_f32(0), vdupq_n_f32(0)};
    if (type == SK_Q6_K) {
        s.scale = vmulq_f32(halves(header + 8 * v), bytes_as_floats(scales + 16 * half + 4 * v, 1));
    } else if (f.header_bytes != 0) {
        s.scale = vmulq_f32(halves(header + 8 * v), bytes_as_floats(scales + 4 * v, 0));
        const float32x4_t min = bytes_as_floats(scales + 16 + 4 * v, 0);
        s.min = vnegq_f32(vmulq_f32(halves(header + 32 + 8 * v), min));
    } else {
        s.scale = halves(scales + 8 * v);
        if (f.has_min) {
            s.min = halves(scales + 32 + 8 * v);
        }
    }
    return s;
}

/// One block (of Q6_K: one half of one) of a tile for `rows` rows: exact integer sums, then one
/// fused step into the f32 totals.
SK_INLINE SK_TARGET_DOT void add_block(sk_type type, int rows, int half, const uint8_t *tile,
                                       sk_place at, const sk_activation_block *const *x,
                                       float32x4_t totals[ROWS][VECTORS]) {
    const sk_format f = sk_format_of(type);
    int32x4_t sums[ROWS][VECTORS];
    SK_UNROLL for (int r = 0; r < rows; r++) {
        SK_UNROLL for (int v = 0; v < VECTORS; v++) {
            sums[r][v] = vdupq_n_s32(f.zero != 0 && f.bits != 8 ? x[r]->start[half] : 0);
        }
    }
    const int last = type == SK_Q6_K ? half : 1;
    SK_UNROLL for (int nibble = half; nibble <= last; nibble++) {
        int8x16_t values[ROWS];
        SK_UNROLL for (int r = 0; r < rows; r++) {
            values[r] = vld1q_s8(x[r]->codes + 16 * nibble);
        }
        SK_UNROLL for (int v = 0; v < VECTORS; v++) {
            const int8x16_t a = codes_of(f, tile + at.block, nibble, 0, v);
            const int8x16_t b = codes_of(f, tile + at.block, nibble, 1, v);
            const int8x16_t c = codes_of(f, tile + at.block, nibble, 2, v);
            const int8x16_t d = codes_of(f, tile + at.block, nibble, 3, v);
            SK_UNROLL for (int r = 0; r < rows; r++) {
                sums[r][v] = vdotq_laneq_s32(sums[r][v], a, values[r], 0);
                sums[r][v] = vdotq_laneq_s32(sums[r][v], b, values[r], 1);
                sums[r][v] = vdotq_laneq_s32(sums[r][v], c, values[r], 2);
                sums[r][v] = vdotq_laneq_s32(sums[r][v], d, values[r], 3);
            }
        }
    }
    SK_UNROLL for (int v = 0; v < VECTORS; v++) {
        const factors s = factors_of(type, tile + at.header, tile + at.scales, half, v);
        SK_UNROLL for (int r = 0; r < rows; r++) {
            const float32x4_t scale = vmulq_n_f32(s.scale, x[r]->scale);
            totals[r][v] = vfmaq_f32(totals[r][v], vcvtq_f32_s32(sums[r][v]), scale);
            if (f.has_min) {
                totals[r][v] = vfmaq_n_f32(totals[r][v], s.min, x[r]->sum);
            }
        }
    }
}

SK_INLINE SK_TARGET_DOT void int_tile(sk_type type, int rows, const sk_panel *p, ptrdiff_t t) {
    const sk_format f = sk_format_of(type);
    const uint8_t *tile = p->tile + (size_t)t * p->tile_bytes;
    const sk_runs runs = sk_runs_in(type, p);
    float32x4_t totals[ROWS][VECTORS];
    SK_UNROLL for (int r = 0; r < rows; r++) {
        SK_UNROLL for (int v = 0; v < VECTORS; v++) { totals[r][v] = vdupq_n_f32(0); }
    }
    for (ptrdiff_t b = p->begin; b < p->end; b++) {
        const sk_activation_block *x[ROWS];
        SK_UNROLL for (int r = 0; r < rows; r++) {
            x[r] = (const sk_activation_block *)(p->x + (size_t)r * p->x_bytes) + b;
        }
        const sk_place at = sk_place_of(f, runs, b);
        add_block(type, rows, 0, tile, at, x, totals);
        if (type == SK_Q6_K) {
            add_block(type, rows, 1, tile, at, x, totals);
        }
    }
    SK_UNROLL for (int r = 0; r < rows; r++) {
        SK_UNROLL for (int v = 0; v < VECTORS; v++) {
            store(p, p->y + r * p->ldy, t * SK_TILE_N + 4 * v, totals[r][v]);
        }
    }
}

/// Weights of value k for outputs 4v ..< 4v + 4 of a tile.
SK_INLINE float32x4_t weights_at(sk_type type, const uint8_t *tile, ptrdiff_t k, int v) {
    switch (type) {
    case SK_F32:
        return vld1q_f32((const float *)tile + k * SK_TILE_N + 4 * v);
    case SK_F16:
        return halves(tile + (k * SK_TILE_N + 4 * v) * 2);
    default: {
        const uint8_t *pairs = tile + ((k >> 1) * SK_TILE_N + 4 * v) * 4;
        const uint32x4_t bits = vreinterpretq_u32_u8(vld1q_u8(pairs));
        return vreinterpretq_f32_u32((k & 1) == 0 ? vshlq_n_u32(bits, 16)
                                                  : vandq_u32(bits, vdupq_n_u32(0xffff0000)));
    }
    }
}

/// One tile for `rows` rows, over the panel's K range. Each sum grows by one product at a time.
SK_INLINE SK_TARGET_DOT void float_tile(sk_type type, int rows, const sk_panel *p, ptrdiff_t t) {
    const uint8_t *tile = p->tile + (size_t)t * p->tile_bytes;
    const float *x[ROWS];
    float32x4_t sums[ROWS][VECTORS];
    SK_UNROLL for (int r = 0; r < rows; r++) {
        x[r] = (const float *)(p->x + (size_t)r * p->x_bytes);
        SK_UNROLL for (int v = 0; v < VECTORS; v++) {
            const float *from = p->partial + r * p->partial_ld + t * SK_TILE_N + 4 * v;
            sums[r][v] = p->is_first ? vdupq_n_f32(0) : vld1q_f32(from);
        }
    }
    for (ptrdiff_t k = p->begin; k < p->end; k++) {
        float32x4_t w[VECTORS];
        SK_UNROLL for (int v = 0; v < VECTORS; v++) { w[v] = weights_at(type, tile, k, v); }
        SK_UNROLL for (int r = 0; r < rows; r++) {
            SK_UNROLL for (int v = 0; v < VECTORS; v++) {
                sums[r][v] = vfmaq_n_f32(sums[r][v], w[v], x[r][k]);
            }
        }
    }
    SK_UNROLL for (int r = 0; r < rows; r++) {
        SK_UNROLL for (int v = 0; v < VECTORS; v++) {
            const ptrdiff_t first = t * SK_TILE_N + 4 * v;
            if (p->is_last) {
                store(p, p->y + r * p->ldy, first, sums[r][v]);
            } else {
                vst1q_f32(p->partial + r * p->partial_ld + first, sums[r][v]);
            }
        }
    }
}

SK_INLINE SK_TARGET_DOT void one_tile(sk_type type, int rows, const sk_panel *p, ptrdiff_t t) {
    if (sk_is_float(type)) {
        float_tile(type, rows, p, t);
    } else {
        int_tile(type, rows, p, t);
    }
}

SK_INLINE SK_TARGET_DOT void all_tiles(sk_type type, const sk_panel *p) {
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

static SK_TARGET_DOT void f32_panel(const sk_panel *p) { all_tiles(SK_F32, p); }
static SK_TARGET_DOT void f16_panel(const sk_panel *p) { all_tiles(SK_F16, p); }
static SK_TARGET_DOT void bf16_panel(const sk_panel *p) { all_tiles(SK_BF16, p); }
static SK_TARGET_DOT void q4_0_panel(const sk_panel *p) { all_tiles(SK_Q4_0, p); }
static SK_TARGET_DOT void q4_1_panel(const sk_panel *p) { all_tiles(SK_Q4_1, p); }
static SK_TARGET_DOT void q5_0_panel(const sk_panel *p) { all_tiles(SK_Q5_0, p); }
static SK_TARGET_DOT void q5_1_panel(const sk_panel *p) { all_tiles(SK_Q5_1, p); }
static SK_TARGET_DOT void q8_0_panel(const sk_panel *p) { all_tiles(SK_Q8_0, p); }
static SK_TARGET_DOT void q4_k_panel(const sk_panel *p) { all_tiles(SK_Q4_K, p); }
static SK_TARGET_DOT void q5_k_panel(const sk_panel *p) { all_tiles(SK_Q5_K, p); }
static SK_TARGET_DOT void q6_k_panel(const sk_panel *p) { all_tiles(SK_Q6_K, p); }
static SK_TARGET_DOT void g2_panel(const sk_panel *p) { all_tiles(SK_GROUPED | 2, p); }
static SK_TARGET_DOT void g3_panel(const sk_panel *p) { all_tiles(SK_GROUPED | 3, p); }
static SK_TARGET_DOT void g4_panel(const sk_panel *p) { all_tiles(SK_GROUPED | 4, p); }
static SK_TARGET_DOT void g5_panel(const sk_panel *p) { all_tiles(SK_GROUPED | 5, p); }
static SK_TARGET_DOT void g6_panel(const sk_panel *p) { all_tiles(SK_GROUPED | 6, p); }
static SK_TARGET_DOT void g8_panel(const sk_panel *p) { all_tiles(SK_GROUPED | 8, p); }
static SK_TARGET_DOT void g2_min_panel(const sk_panel *p) { all_tiles(SK_GROUPED | 18, p); }
static SK_TARGET_DOT void g3_min_panel(const sk_panel *p) { all_tiles(SK_GROUPED | 19, p); }
static SK_TARGET_DOT void g4_min_panel(const sk_panel *p) { all_tiles(SK_GROUPED | 20, p); }
static SK_TARGET_DOT void g5_min_panel(const sk_panel *p) { all_tiles(SK_GROUPED | 21, p); }

/// The portable rows with starts for integer sums of unsigned codes.
static void prepare(sk_type type, void *activations, const float *x, ptrdiff_t ldx, ptrdiff_t rows,
                    ptrdiff_t k) {
    sk_prepare_portable(type, activations, x, ldx, rows, k);
    if (sk_is_float(type)) {
        return;
    }
    const int32_t zero = sk_format_of(type).zero;
    const size_t bytes = sk_activation_bytes(type, k);
    for (ptrdiff_t r = 0; r < rows; r++) {
        sk_activation_block *row =
            (sk_activation_block *)((uint8_t *)activations + (size_t)r * bytes);
        for (ptrdiff_t b = 0; b < (k + 31) / 32; b++) {
            const int32_t first = vaddlvq_s8(vld1q_s8(row[b].codes));
            const int32_t second = vaddlvq_s8(vld1q_s8(row[b].codes + 16));
            row[b].start[0] = -zero * (type == SK_Q6_K ? first : first + second);
            row[b].start[1] = -zero * second;
        }
    }
}

static const sk_panel_kernels kernels = {
    .abreast = 1,
    .max_rows_float = ROWS,
    .whole_rows_float = ROWS,
    .max_rows_int = ROWS,
    .f32 = f32_panel,
    .f16 = f16_panel,
    .bf16 = bf16_panel,
    .q4_0 = q4_0_panel,
    .q4_1 = q4_1_panel,
    .q5_0 = q5_0_panel,
    .q5_1 = q5_1_panel,
    .q8_0 = q8_0_panel,
    .q4_k = q4_k_panel,
    .q5_k = q5_k_panel,
    .q6_k = q6_k_panel,
    .g2 = g2_panel,
    .g3 = g3_panel,
    .g4 = g4_panel,
    .g5 = g5_panel,
    .g6 = g6_panel,
    .g8 = g8_panel,
    .g2_min = g2_min_panel,
    .g3_min = g3_min_panel,
    .g4_min = g4_min_panel,
    .g5_min = g5_min_panel,
};

static void matmul(const sk_matmul *args) {
    const size_t x_bytes = sk_activation_bytes(args->type, args->k);
    sk_fetch_outliers(args);
    sk_run_panels(args, &kernels, x_bytes);
    sk_add_outliers(args, x_bytes, sizeof(sk_activation_block));
}

void sk_fill_matmul_neon(sk_kernels *table) {
    table->prepare = prepare;
    table->matmul = matmul;
}

#else
void sk_fill_matmul_neon(sk_kernels *table) { (void)table; }
#endif
