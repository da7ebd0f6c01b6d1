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

/// Packed layout, the same at every level. A tile holds SK_TILE_N outputs with K ascending.
///
/// Floats: f32 and f16 [k][16]; bf16 [k/2][16][2], odd K padded with zero.
/// Quantised: blocks of 32 k. A block is scales, then high bits, then codes:
///   scales      Q*_0: f16 d[16];  Q*_1: f16 d[16], m[16];  Q4_K, Q5_K: u8 scale[16], min[16];
///               Q6_K: i8 scale[2][16], one for each 16 k
///   high bits   5-bit: [16][4] bytes, bit g belongs to the byte's k group g;
///               6-bit: [2][16][4] bytes, two bits of groups 0-3 and of groups 4-7
///   codes       8-bit: [8 groups][16][4] bytes, the value + 128;
///               others: [4 groups][16][4] bytes, low nibble group g, high nibble group g + 4
/// K-quants put f16 d[16] (and dmin[16]) before each run of 8 blocks.
typedef struct sk_format {
    int32_t bits;         ///< of one code
    int32_t zero;         ///< the code that means 0
    int32_t has_min;      ///< value = d * code + m instead of d * (code - zero)
    int32_t header_bytes; ///< before each run of 8 blocks; 0 without such runs
    int32_t scale_bytes;  ///< at the start of a block
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
        return (sk_format){0, 0, 0, 0, 0, 0, 0};
    }
}

SK_INLINE int sk_is_float(sk_type type) {
    return type == SK_F32 || type == SK_F16 || type == SK_BF16;
}

SK_INLINE size_t sk_block_size(sk_format f) {
    return (size_t)(f.scale_bytes + f.high_bytes + f.code_bytes);
}

/// The header before block `b`'s run of 8.
SK_INLINE const uint8_t *sk_header_at(sk_format f, const uint8_t *tile, ptrdiff_t b) {
    return tile + (size_t)(b >> 3) * ((size_t)f.header_bytes + 8 * sk_block_size(f));
}

SK_INLINE const uint8_t *sk_block_at(sk_format f, const uint8_t *tile, ptrdiff_t b) {
    if (f.header_bytes == 0) {
        return tile + (size_t)b * sk_block_size(f);
    }
    return sk_header_at(f, tile, b) + f.header_bytes + (size_t)(b & 7) * sk_block_size(f);
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
    const uint8_t *tile; ///< the first tile
    size_t tile_bytes;
    ptrdiff_t tiles;
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

typedef void (*sk_panel_kernel)(const sk_panel *panel);

/// Chunks of K of a float product: so many values in a panel of SK_MANY_ROWS_FLOAT rows or more.
enum { SK_FLOAT_CHUNK = 256, SK_MANY_ROWS_FLOAT = 40 };

/// The micro-kernels of one level: each takes up to max_rows rows and any number of tiles.
typedef struct sk_panel_kernels {
    ptrdiff_t max_rows_float, max_rows_int;
    ptrdiff_t whole_rows_float; ///< the most rows that need no chunks of K
    sk_panel_kernel f32, f16, bf16, q4_0, q4_1, q5_0, q5_1, q8_0, q4_k, q5_k, q6_k;
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

void sk_fill_matmul_portable(sk_kernels *table);
void sk_fill_matmul_avx2(sk_kernels *table);
void sk_fill_matmul_avx512(sk_kernels *table);
void sk_fill_matmul_neon(sk_kernels *table);

/// Prepared rows shared by several levels.
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
