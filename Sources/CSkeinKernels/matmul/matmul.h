#ifndef SK_MATMUL_H
#define SK_MATMUL_H

#include "../internal.h"

#include <string.h>

#if defined(__clang__)
#define SK_UNROLL _Pragma("clang loop unroll(full)")
#define SK_ROLLED _Pragma("clang loop unroll(disable)")
#else
#define SK_ROLLED _Pragma("GCC unroll 1")
#define SK_UNROLL _Pragma("GCC unroll 16")
#endif

/// Packed layout. A tile holds SK_TILE_N outputs with K ascending.
///
/// Floats: f32 and f16 [k][16]; bf16 [k/2][16][2], odd K padded with zero. At a level with tiles
/// abreast, four tiles are [k][4][16], as long as there are four.
/// Quantised: blocks of 32 k in runs. A run is a header of whole cache lines, so that codes never
/// cross one, then its blocks; a header is the factors of a K-quant's superblock, f16 d[16] (and
/// dmin[16]), then the scales of the run's blocks, or of its groups of blocks:
///   scales      Q*_0: f16 d[16];  Q*_1: f16 d[16], m[16];  Q4_K, Q5_K: u8 scale[16], min[16];
///               Q6_K: i8 scale[2][16], one for each 16 k; grouped: f16 scale[16] (and minimum[16])
/// A block is high bits, then codes:
///   high bits   5-bit: [16][4] bytes, bit g belongs to the byte's k group g;
///               6-bit: [2][16][4] bytes, two bits of groups 0-3 and of groups 4-7
///   codes       8-bit: [8 groups][16][4] bytes, the value + 128;
///               2- and 3-bit: [2][16][4] bytes, two bits of groups 0-3 and of groups 4-7, the
///               third bit among the high ones as that of 5-bit codes; others: [4 groups][16][4]
///               bytes, low nibble group g, high nibble group g + 4
/// The last run may have fewer blocks, the last block of a grouped type padding of zeros.
typedef struct sk_format {
    int32_t bits;         ///< of one code
    int32_t zero;         ///< the code that means 0
    int32_t has_min;      ///< value = d * code + m instead of d * (code - zero)
    int32_t header_bytes; ///< of a superblock's factors; 0 without superblocks
    int32_t scale_bytes;  ///< of the scales of a block, or of a group of blocks
    int32_t high_bytes;   ///< of the high bits
    int32_t code_bytes;   ///< of the codes or nibbles
} sk_format;

SK_INLINE sk_format sk_format_of(sk_type type) {
    switch (type) {
    case SK_Q4_0:
        return (sk_format){4, 8, 0, 0, 32, 0, 256};
    case SK_Q4_1:
        return (sk_format){4, 0, 1, 0, 64, 0, 256};
    case SK_Q5_0:
        return (sk_format){5, 16, 0, 0, 32, 64, 256};
    case SK_Q5_1:
        return (sk_format){5, 0, 1, 0, 64, 64, 256};
    case SK_Q8_0:
        return (sk_format){8, 128, 0, 0, 32, 0, 512};
    case SK_Q4_K:
        return (sk_format){4, 0, 1, 64, 32, 0, 256};
    case SK_Q5_K:
        return (sk_format){5, 0, 1, 64, 32, 64, 256};
    case SK_Q6_K:
        return (sk_format){6, 32, 0, 32, 32, 128, 256};
    default:
        break;
    }
    if ((type & SK_GROUPED) == 0) {
        return (sk_format){0, 0, 0, 0, 0, 0, 0};
    }
    const int32_t bits = type & 15;
    const int32_t has_min = type >> 4 & 1;
    return (sk_format){bits,
                       1 << (bits - 1),
                       has_min,
                       0,
                       has_min ? 64 : 32,
                       bits == 6                ? 128
                       : bits == 3 || bits == 5 ? 64
                                                : 0,
                       bits == 8   ? 512
                       : bits >= 4 ? 256
                                   : 128};
}

SK_INLINE int sk_is_grouped(sk_type type) { return (type & SK_GROUPED) != 0; }

/// The type of a grouped matrix without its groups: rows prepared for one fit the other.
SK_INLINE sk_type sk_without_groups(sk_type type) {
    return sk_is_grouped(type) ? type & ~0xf00 : type;
}

/// The blocks of a run and of a group that shares its scales, as powers of two.
typedef struct sk_runs {
    int run, group;
} sk_runs;

SK_INLINE sk_runs sk_runs_of(sk_type type) {
    if (!sk_is_grouped(type)) {
        return (sk_runs){sk_format_of(type).header_bytes != 0 ? 3 : 1, 0};
    }
    const int group = type >> 8 & 15;
    return group == SK_GROUPED_ROW ? (sk_runs){40, 40} : (sk_runs){group + 1, group};
}

SK_INLINE int sk_is_float(sk_type type) {
    return type == SK_F32 || type == SK_F16 || type == SK_BF16;
}

SK_INLINE size_t sk_block_size(sk_format f) { return (size_t)(f.high_bytes + f.code_bytes); }

SK_INLINE size_t sk_run_header_bytes(sk_format f, sk_runs runs) {
    const size_t bytes =
        (size_t)f.header_bytes + ((size_t)f.scale_bytes << (runs.run - runs.group));
    return (bytes + 63) / 64 * 64;
}

/// Where in a tile a block's superblock, scales and codes begin.
typedef struct sk_place {
    size_t header, scales, block;
} sk_place;

SK_INLINE sk_place sk_place_of(sk_format f, sk_runs runs, ptrdiff_t b) {
    const size_t run = (size_t)(b >> runs.run);
    const size_t within = (size_t)b - (run << runs.run);
    const size_t header = run * sk_run_header_bytes(f, runs) + (run << runs.run) * sk_block_size(f);
    return (sk_place){
        .header = header,
        .scales = header + (size_t)f.header_bytes + (within >> runs.group) * (size_t)f.scale_bytes,
        .block = header + sk_run_header_bytes(f, runs) + within * sk_block_size(f),
    };
}

/// 32 activations as integers in [-127, 127] times `scale`.
typedef struct sk_activation_block {
    int8_t codes[32];
    float scale;
    float sum;        ///< scale * sum of the codes
    int32_t start[2]; ///< what integer sums start from, private to each level
} sk_activation_block;

/// One row block times one run of tiles: the work of a micro-kernel.
typedef struct sk_panel {
    const uint8_t *tile; ///< the first tile, or the first of the ones abreast that it is among
    size_t tile_bytes;
    ptrdiff_t tiles, lane; ///< the first tile's place among the ones abreast
    ptrdiff_t abreast;
    sk_runs runs;     ///< of the weights' type
    const uint8_t *x; ///< the first prepared row
    size_t x_bytes;   ///< from one row to the next
    ptrdiff_t rows;
    ptrdiff_t begin, end; ///< K range, in blocks of quantised types and in values of float types
    float *partial;       ///< where sums go when the range stops before K, [rows][partial_ld]
    ptrdiff_t partial_ld;
    int32_t is_first, is_last; ///< whether the range starts at 0, ends at K
    int32_t accumulate;
    float *y; ///< first row, first output
    ptrdiff_t ldy;
    const float *bias; ///< of the first output, or NULL
    ptrdiff_t columns; ///< outputs that exist; only the last tile may be cut
} sk_panel;

/// The runs of a panel's type; constants where the type makes them so.
SK_INLINE sk_runs sk_runs_in(sk_type type, const sk_panel *panel) {
    return sk_is_grouped(type) ? panel->runs : sk_runs_of(type);
}

/// The steps of a panel's float tile t, from the panel's `tile` on.
SK_INLINE sk_steps sk_steps_in(sk_type type, const sk_panel *panel, ptrdiff_t t) {
    return sk_steps_of((size_t)(panel->lane + t), (size_t)panel->abreast, panel->tile_bytes,
                       sk_step_bytes(type));
}

/// Rows begin ..< end of a panel.
SK_INLINE sk_panel sk_rows_of(const sk_panel *panel, ptrdiff_t begin, ptrdiff_t end) {
    sk_panel part = *panel;
    part.rows = end - begin;
    part.x += (size_t)begin * panel->x_bytes;
    part.y += begin * panel->ldy;
    part.partial = panel->partial == NULL ? NULL : panel->partial + begin * panel->partial_ld;
    return part;
}

typedef void (*sk_panel_kernel)(const sk_panel *panel);

/// Chunks of K of a float product: so many values in a panel of SK_MANY_ROWS_FLOAT rows or more.
enum { SK_FLOAT_CHUNK = 256, SK_MANY_ROWS_FLOAT = 40 };

/// The micro-kernels of one level: each takes up to max_rows rows and any number of tiles.
typedef struct sk_panel_kernels {
    ptrdiff_t abreast; ///< tiles of float weights that lie abreast
    ptrdiff_t max_rows_float, max_rows_int;
    ptrdiff_t whole_rows_float; ///< the most rows that need no chunks of K
    /// Writes the f16 or bf16 weights of the panel's K range as f32, [k][tiles][16], of one tile or
    /// of all that lie abreast; NULL where the f32 kernel would be no faster, or bf16 weights meet
    /// activations that are not f32.
    void (*widen)(sk_type type, float *values, const sk_panel *panel, ptrdiff_t tile,
                  ptrdiff_t tiles);
    sk_panel_kernel f32, f16, bf16, q4_0, q4_1, q5_0, q5_1, q8_0, q4_k, q5_k, q6_k;
    sk_panel_kernel g2, g3, g4, g5, g6, g8, g2_min, g3_min, g4_min, g5_min;
} sk_panel_kernels;

/// Splits a product into panels and runs them.
void sk_run_panels(const sk_matmul *args, const sk_panel_kernels *kernels, size_t x_bytes);

size_t sk_tile_bytes(sk_type type, ptrdiff_t k);
/// Bytes of a prepared row that holds `bytes` bytes: an odd number of cache lines, so that rows do
/// not fall on the same cache sets.
size_t sk_row_bytes(size_t bytes);

size_t sk_packed_bytes(sk_type type, ptrdiff_t n, ptrdiff_t k);
void sk_pack(sk_type type, void *packed, const void *rows, size_t row_stride, ptrdiff_t n_begin,
             ptrdiff_t n_end, ptrdiff_t n, ptrdiff_t k);
/// The same with float tiles abreast.
void sk_pack_abreast(sk_type type, void *packed, const void *rows, size_t row_stride,
                     ptrdiff_t n_begin, ptrdiff_t n_end, ptrdiff_t n, ptrdiff_t k);

void sk_pack_grouped(sk_type type, void *packed, const sk_grouped_rows *rows, ptrdiff_t n_begin,
                     ptrdiff_t n_end, ptrdiff_t n, ptrdiff_t k);

void sk_fill_matmul_portable(sk_kernels *table);
void sk_fill_matmul_avx2(sk_kernels *table);
void sk_fill_matmul_avx512(sk_kernels *table);
void sk_fill_matmul_neon(sk_kernels *table);

/// The row's last values padded to a block; false when they fill one.
SK_INLINE int sk_last_block(float *block, const float *x, ptrdiff_t k) {
    const ptrdiff_t left = k % 32;
    memset(block, 0, 32 * sizeof *block);
    memcpy(block, x + (k - left), (size_t)left * sizeof *block);
    return left != 0;
}

/// Prepared rows shared by several levels. Rows for grouped weights hold the floats too, after
/// their blocks of `block_bytes`.
SK_INLINE size_t sk_float_offset(ptrdiff_t k, size_t block_bytes) {
    return ((size_t)(k + 31) / 32 * block_bytes + 63) / 64 * 64;
}
size_t sk_activation_bytes(sk_type type, ptrdiff_t k);
void sk_prepare_portable(sk_type type, void *activations, const float *x, ptrdiff_t ldx,
                         ptrdiff_t rows, ptrdiff_t k);
void sk_copy_rows(void *activations, const float *x, ptrdiff_t ldx, ptrdiff_t rows, ptrdiff_t k);

SK_INLINE float sk_float_of_half(uint16_t h) {
    const uint32_t sign = (uint32_t)(h & 0x8000) << 16;
    const uint32_t body = h & 0x7fff;
    uint32_t bits;
    float value;
    if (body >= 0x7c00) {
        bits = 0x7f800000 | (body & 0x3ff) << 13;
    } else if (body >= 0x400) {
        bits = (body << 13) + 0x38000000;
    } else {
        value = (float)body * 0x1p-24f;
        memcpy(&bits, &value, 4);
    }
    bits |= sign;
    memcpy(&value, &bits, 4);
    return value;
}

SK_INLINE float sk_float_of_bfloat(uint16_t b) {
    const uint32_t bits = (uint32_t)b << 16;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

/// Adds one tile's entries of a panel to the sums of `rows` rows, a constant where this is inlined.
SK_INLINE void sk_add_entries(int rows, const uint32_t *entries, uint32_t begin, uint32_t end,
                              const uint8_t *x, size_t x_bytes, float (*sums)[4]) {
    for (uint32_t e = begin; e < end; e++) {
        const uint32_t entry = entries[e];
        const uint32_t bits = entry & 0xffff0000;
        float *sum = sums[entry >> 12 & 15];
        float weight;
        memcpy(&weight, &bits, 4);
        SK_UNROLL for (int r = 0; r < rows; r++) {
            const float *row = (const float *)(x + (size_t)r * x_bytes);
            sum[r] = __builtin_fmaf(weight, row[entry & 0xfff], sum[r]);
        }
    }
}

/// Asks for the outliers' entries before the product, so that they are here after it; for no more
/// of them than the second cache has room for.
SK_INLINE void sk_fetch_outliers(const sk_matmul *args) {
    enum { MOST = 32 << 10 };
    if (args->outliers == NULL || !sk_is_grouped(args->type)) {
        return;
    }
    const ptrdiff_t panels = (args->k + SK_OUTLIER_PANEL - 1) / SK_OUTLIER_PANEL;
    const ptrdiff_t last = (args->n_end + SK_TILE_N - 1) / SK_TILE_N;
    const uint32_t first = args->outliers->starts[args->n_begin / SK_TILE_N * panels];
    const size_t bytes = (size_t)(args->outliers->starts[last * panels] - first) * 4;
    const char *entries = (const char *)(args->outliers->entries + first);
    for (size_t i = 0; i < bytes && i < MOST; i += 64) {
        __builtin_prefetch(entries + i, 0, 2);
    }
}

/// Adds the products of the outliers, one after another in the order of their columns.
///
/// Each level compiles it with its own instructions; a fused multiply-add has the same bits in all.
SK_INLINE void sk_add_outliers(const sk_matmul *args, size_t x_bytes, size_t block_bytes) {
    const sk_outliers *outliers = args->outliers;
    if (outliers == NULL || !sk_is_grouped(args->type)) {
        return;
    }
    const ptrdiff_t panels = (args->k + SK_OUTLIER_PANEL - 1) / SK_OUTLIER_PANEL;
    const uint8_t *x = (const uint8_t *)args->activations + sk_float_offset(args->k, block_bytes);
    for (ptrdiff_t n = args->n_begin; n < args->n_end; n += SK_TILE_N) {
        const uint32_t *starts = outliers->starts + n / SK_TILE_N * panels;
        const ptrdiff_t columns = args->n_end - n < SK_TILE_N ? args->n_end - n : SK_TILE_N;
        if (starts[0] == starts[panels]) {
            continue;
        }
        for (ptrdiff_t r = 0; r < args->rows;) {
            const ptrdiff_t left = args->rows - r;
            const ptrdiff_t rows = left >= 4 ? 4 : left >= 2 ? 2 : 1;
            float sums[SK_TILE_N][4] = {{0}};
            for (ptrdiff_t p = 0; p < panels; p++) {
                const uint8_t *row = x + (size_t)r * x_bytes + (size_t)p * SK_OUTLIER_PANEL * 4;
                const uint32_t *entries = outliers->entries;
                if (rows == 4) {
                    sk_add_entries(4, entries, starts[p], starts[p + 1], row, x_bytes, sums);
                } else if (rows == 2) {
                    sk_add_entries(2, entries, starts[p], starts[p + 1], row, x_bytes, sums);
                } else {
                    sk_add_entries(1, entries, starts[p], starts[p + 1], row, x_bytes, sums);
                }
            }
            for (ptrdiff_t i = 0; i < rows; i++) {
                float *y = args->y + (r + i) * args->ldy + n;
                for (ptrdiff_t c = 0; c < columns; c++) {
                    y[c] += sums[c][i];
                }
            }
            r += rows;
        }
    }
}

SK_INLINE uint16_t sk_load_u16(const uint8_t *p) {
    uint16_t v;
    memcpy(&v, p, 2);
    return v;
}

SK_INLINE uint32_t sk_load_u32(const void *p) {
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}

SK_INLINE int32_t sk_load_i32(const void *p) {
    int32_t v;
    memcpy(&v, p, 4);
    return v;
}

#endif
