#include "matmul.h"

size_t sk_tile_bytes(sk_type type, ptrdiff_t k) {
    if (sk_is_float(type)) {
        return (size_t)sk_step_count(type, k) * sk_step_bytes(type);
    }
    const sk_format f = sk_format_of(type);
    const size_t blocks = ((size_t)k + 31) / 32;
    const sk_runs runs = sk_runs_of(type);
    const size_t headers = blocks == 0 ? 0 : ((blocks - 1) >> runs.run) + 1;
    return headers * sk_run_header_bytes(f, runs) + blocks * sk_block_size(f);
}

static int is_known_grouped(sk_type type) {
    const int32_t bits = type & 15;
    const int32_t shift = type >> 8 & 15;
    const int is_narrow = bits >= 2 && bits <= 5;
    const int is_wide = (bits == 6 || bits == 8) && (type & 16) == 0;
    return (type & ~0xf1f) == SK_GROUPED && (is_narrow || is_wide) &&
           (shift <= 2 || shift == SK_GROUPED_ROW);
}

size_t sk_packed_bytes(sk_type type, ptrdiff_t n, ptrdiff_t k) {
    const ptrdiff_t values = is_known_grouped(type) ? 1 : sk_block_values(type);
    if (values == 0 || n < 0 || k < 0 || k % values != 0) {
        return 0;
    }
    const size_t tiles = ((size_t)n + SK_TILE_N - 1) / SK_TILE_N;
    return tiles * sk_tile_bytes(type, k);
}

static void store_u32(uint8_t *p, uint32_t v) { memcpy(p, &v, 4); }

/// Values of four bytes into a lane of so many steps of a tile.
static void pack_4(uint8_t *lane, size_t stride, const uint8_t *values, ptrdiff_t steps) {
    for (ptrdiff_t i = 0; i < steps; i++) {
        memcpy(lane + (size_t)i * stride, values + i * 4, 4);
    }
}

static void pack_2(uint8_t *lane, size_t stride, const uint8_t *values, ptrdiff_t steps) {
    for (ptrdiff_t i = 0; i < steps; i++) {
        memcpy(lane + (size_t)i * stride, values + i * 2, 2);
    }
}

/// Bits 4g + j of a 32-bit mask as bit g of byte j.
static uint32_t bits_by_byte(uint32_t mask) {
    uint32_t bytes = 0;
    for (uint32_t j = 0; j < 4; j++) {
        uint32_t t = (mask >> j) & 0x11111111;
        t = (t | t >> 3) & 0x03030303;
        t = (t | t >> 6) & 0x000f000f;
        t = (t | t >> 12) & 0xff;
        bytes |= t << (8 * j);
    }
    return bytes;
}

/// One block of 32 of the one-level types into lane n of its packed block.
SK_INLINE void pack_block(sk_type type, uint8_t *scales, uint8_t *block, const uint8_t *source,
                          ptrdiff_t n) {
    const sk_format f = sk_format_of(type);
    memcpy(scales + 2 * n, source, 2);
    source += 2;
    if (f.has_min) {
        memcpy(scales + 32 + 2 * n, source, 2);
        source += 2;
    }
    uint8_t *lane = block + 4 * n;
    if (f.bits == 5) {
        store_u32(lane, bits_by_byte(sk_load_u32(source)));
        source += 4;
        lane += f.high_bytes;
    }
    const uint32_t flip = f.bits == 8 ? 0x80808080 : 0;
    for (ptrdiff_t g = 0; g < (f.bits == 8 ? 8 : 4); g++) {
        store_u32(lane + 64 * g, sk_load_u32(source + 4 * g) ^ flip);
    }
}

/// The nibbles from bit `shift` on of 32 bytes into a lane: bytes 0 ..< 16 low, the others high.
SK_INLINE void pack_nibbles(uint8_t *lane, const uint8_t *bytes, uint32_t shift) {
    for (ptrdiff_t pair = 0; pair < 2; pair++) {
        uint64_t low, up;
        memcpy(&low, bytes + 8 * pair, 8);
        memcpy(&up, bytes + 16 + 8 * pair, 8);
        low = low >> shift & 0x0f0f0f0f0f0f0f0f;
        up = up >> shift & 0x0f0f0f0f0f0f0f0f;
        store_u32(lane + 128 * pair, (uint32_t)(low | up << 4));
        store_u32(lane + 128 * pair + 64, (uint32_t)((low | up << 4) >> 32));
    }
}

/// Scale and minimum number `b` of a Q4_K or Q5_K block's twelve scale bytes.
static void unpack_scale(const uint8_t *s, ptrdiff_t b, uint8_t *scale, uint8_t *min) {
    if (b < 4) {
        *scale = s[b] & 63;
        *min = s[b + 4] & 63;
    } else {
        *scale = (uint8_t)((s[b + 4] & 15) | (s[b - 4] >> 6) << 4);
        *min = (uint8_t)((s[b + 4] >> 4) | (s[b] >> 6) << 4);
    }
}

/// One Q4_K or Q5_K superblock into lane n of its run of packed blocks.
SK_INLINE void pack_k(sk_type type, uint8_t *header, const uint8_t *source, ptrdiff_t n) {
    const sk_format f = sk_format_of(type);
    const sk_runs runs = sk_runs_of(type);
    memcpy(header + 2 * n, source, 2);
    memcpy(header + 32 + 2 * n, source + 2, 2);
    const uint8_t *scales = source + 4;
    const uint8_t *high = source + 16;
    const uint8_t *codes = source + (f.bits == 5 ? 48 : 16);
    for (uint32_t b = 0; b < 8; b++) {
        const sk_place at = sk_place_of(f, runs, b);
        unpack_scale(scales, b, header + at.scales + n, header + at.scales + 16 + n);
        uint8_t *lane = header + at.block + 4 * n;
        if (f.bits == 5) {
            uint32_t bytes = 0;
            for (uint32_t g = 0; g < 8; g++) {
                bytes |= ((sk_load_u32(high + 4 * g) >> b) & 0x01010101) << g;
            }
            store_u32(lane, bytes);
            lane += f.high_bytes;
        }
        pack_nibbles(lane, codes + b / 2 * 32, 4 * (b & 1));
    }
}

/// One Q6_K superblock into lane n of its run of packed blocks.
static void pack_q6_k(uint8_t *header, const uint8_t *source, ptrdiff_t n) {
    const sk_format f = sk_format_of(SK_Q6_K);
    const sk_runs runs = sk_runs_of(SK_Q6_K);
    const uint8_t *scales = source + 192;
    memcpy(header + 2 * n, source + 208, 2);
    for (uint32_t b = 0; b < 8; b++) {
        const uint8_t *q = source + b / 4 * 64 + b % 2 * 32;
        const uint8_t *high = source + 128 + b / 4 * 32;
        const uint32_t nibble = b % 4 / 2 * 4;
        const uint32_t pair = b % 4 * 2;
        const sk_place at = sk_place_of(f, runs, b);
        header[at.scales + (size_t)n] = scales[2 * b];
        header[at.scales + 16 + (size_t)n] = scales[2 * b + 1];
        uint8_t *lane = header + at.block + 4 * n;
        for (ptrdiff_t p = 0; p < 2; p++) {
            uint32_t bytes = 0;
            for (uint32_t g = 0; g < 4; g++) {
                bytes |= ((sk_load_u32(high + 16 * p + 4 * g) >> pair) & 0x03030303) << (2 * g);
            }
            store_u32(lane + 64 * p, bytes);
        }
        lane += f.high_bytes;
        pack_nibbles(lane, q, nibble);
    }
}

/// `count` rows of one quantised type into a tile.
SK_INLINE void pack_quantised(sk_type type, uint8_t *tile, const uint8_t *rows, size_t stride,
                              ptrdiff_t count, ptrdiff_t k) {
    const sk_format f = sk_format_of(type);
    const sk_runs runs = sk_runs_of(type);
    const ptrdiff_t step = f.header_bytes == 0 ? 1 : 8;
    const size_t bytes = sk_block_bytes(type);
    for (ptrdiff_t b = 0; b < k / 32; b += step) {
        const sk_place at = sk_place_of(f, runs, b);
        if (b % (1 << runs.run) == 0) {
            memset(tile + at.header, 0, sk_run_header_bytes(f, runs));
        }
        for (ptrdiff_t n = 0; n < count; n++) {
            const uint8_t *source = rows + (size_t)n * stride + (size_t)(b / step) * bytes;
            if (f.header_bytes == 0) {
                pack_block(type, tile + at.scales, tile + at.block, source, n);
            } else if (type == SK_Q6_K) {
                pack_q6_k(tile + at.header, source, n);
            } else {
                pack_k(type, tile + at.header, source, n);
            }
        }
    }
}

/// `count` rows of a float type into a tile, a cache line of each row at a time: rows often lie a
/// power of two apart, where sixteen of their lines do not stay in the cache together.
static void pack_floats(sk_type type, uint8_t *tile, size_t stride, const uint8_t *rows,
                        size_t row_stride, ptrdiff_t count, ptrdiff_t k) {
    const ptrdiff_t size = type == SK_F32 ? 4 : 2;
    for (ptrdiff_t i = 0; i < k; i += 64 / size) {
        const ptrdiff_t values = k - i < 64 / size ? k - i : 64 / size;
        uint8_t *to = tile + (size_t)sk_step_count(type, i) * stride;
        for (ptrdiff_t n = 0; n < count; n++) {
            const uint8_t *from = rows + (size_t)n * row_stride + i * size;
            if (type == SK_F32) {
                pack_4(to + n * 4, stride, from, values);
            } else if (type == SK_F16) {
                pack_2(to + n * 2, stride, from, values);
            } else {
                pack_4(to + n * 4, stride, from, values / 2);
                if (values % 2 != 0) {
                    store_u32(to + (size_t)(values / 2) * stride + n * 4,
                              sk_load_u16(from + (values - 1) * 2));
                }
            }
        }
    }
}

static void pack_float_tile(sk_type type, uint8_t *packed, ptrdiff_t tile, ptrdiff_t abreast,
                            const uint8_t *rows, size_t row_stride, ptrdiff_t count, ptrdiff_t k) {
    const sk_steps steps =
        sk_steps_of((size_t)tile, (size_t)abreast, sk_tile_bytes(type, k), sk_step_bytes(type));
    uint8_t *to = packed + steps.first;
    for (ptrdiff_t i = 0; count < SK_TILE_N && i < sk_step_count(type, k); i++) {
        memset(to + (size_t)i * steps.stride, 0, sk_step_bytes(type));
    }
    pack_floats(type, to, steps.stride, rows, row_stride, count, k);
}

static void pack_rows(sk_type type, uint8_t *tile, const uint8_t *rows, size_t stride,
                      ptrdiff_t count, ptrdiff_t k) {
    switch (type) {
    case SK_Q4_0:
        pack_quantised(SK_Q4_0, tile, rows, stride, count, k);
        break;
    case SK_Q4_1:
        pack_quantised(SK_Q4_1, tile, rows, stride, count, k);
        break;
    case SK_Q5_0:
        pack_quantised(SK_Q5_0, tile, rows, stride, count, k);
        break;
    case SK_Q5_1:
        pack_quantised(SK_Q5_1, tile, rows, stride, count, k);
        break;
    case SK_Q8_0:
        pack_quantised(SK_Q8_0, tile, rows, stride, count, k);
        break;
    case SK_Q4_K:
        pack_quantised(SK_Q4_K, tile, rows, stride, count, k);
        break;
    case SK_Q5_K:
        pack_quantised(SK_Q5_K, tile, rows, stride, count, k);
        break;
    case SK_Q6_K:
        pack_quantised(SK_Q6_K, tile, rows, stride, count, k);
        break;
    default:
        break;
    }
}

static void pack_tiles(sk_type type, ptrdiff_t abreast, uint8_t *packed, const uint8_t *rows,
                       size_t row_stride, ptrdiff_t n_begin, ptrdiff_t n_end, ptrdiff_t n,
                       ptrdiff_t k) {
    if (sk_packed_bytes(type, n, k) == 0) {
        return;
    }
    const size_t tile_bytes = sk_tile_bytes(type, k);
    for (ptrdiff_t first = n_begin; first < n_end; first += SK_TILE_N) {
        const ptrdiff_t tile = first / SK_TILE_N;
        const ptrdiff_t count = n_end - first < SK_TILE_N ? n_end - first : SK_TILE_N;
        if (sk_is_float(type)) {
            pack_float_tile(type, packed, tile, sk_abreast_at(tile, n, abreast), rows, row_stride,
                            count, k);
        } else {
            uint8_t *to = packed + (size_t)tile * tile_bytes;
            if (count < SK_TILE_N) {
                memset(to, 0, tile_bytes);
            }
            pack_rows(type, to, rows, row_stride, count, k);
        }
        rows += (size_t)count * row_stride;
    }
}

void sk_pack(sk_type type, void *packed, const void *rows, size_t row_stride, ptrdiff_t n_begin,
             ptrdiff_t n_end, ptrdiff_t n, ptrdiff_t k) {
    pack_tiles(type, 1, packed, rows, row_stride, n_begin, n_end, n, k);
}

void sk_pack_abreast(sk_type type, void *packed, const void *rows, size_t row_stride,
                     ptrdiff_t n_begin, ptrdiff_t n_end, ptrdiff_t n, ptrdiff_t k) {
    pack_tiles(type, SK_ABREAST, packed, rows, row_stride, n_begin, n_end, n, k);
}

/// The code of value i of a row.
SK_INLINE uint32_t code_in_row(const uint8_t *codes, ptrdiff_t i, int32_t bits) {
    const size_t bit = (size_t)i * (size_t)bits;
    uint32_t pair = codes[bit / 8];
    if (bit % 8 + (size_t)bits > 8) {
        pair |= (uint32_t)codes[bit / 8 + 1] << 8;
    }
    return pair >> bit % 8 & ((1u << bits) - 1);
}

/// Codes of one row's block into lane n; those past the row's end mean 0.
SK_INLINE void pack_codes(sk_format f, uint8_t *block, const uint8_t *row, ptrdiff_t first,
                          ptrdiff_t k, ptrdiff_t n) {
    uint8_t code[32];
    for (ptrdiff_t i = 0; i < 32; i++) {
        code[i] = (uint8_t)(first + i < k ? code_in_row(row, first + i, f.bits) : (uint32_t)f.zero);
    }
    uint8_t *high = block + 4 * n;
    uint8_t *low = high + f.high_bytes;
    for (ptrdiff_t j = 0; j < 4; j++) {
        for (ptrdiff_t g = 0; g < 8; g++) {
            const uint32_t value = code[4 * g + j];
            if (f.bits == 8) {
                low[64 * g + j] = (uint8_t)value;
            } else if (f.bits >= 4) {
                low[64 * (g % 4) + j] |= (uint8_t)((value & 15) << (g / 4 * 4));
            } else {
                low[64 * (g / 4) + j] |= (uint8_t)((value & 3) << (g % 4 * 2));
            }
            if (f.bits == 3) {
                high[j] |= (uint8_t)(value >> 2 << g);
            } else if (f.bits == 5) {
                high[j] |= (uint8_t)(value >> 4 << g);
            } else if (f.bits == 6) {
                high[64 * (g / 4) + j] |= (uint8_t)(value >> 4 << (g % 4 * 2));
            }
        }
    }
}

void sk_pack_grouped(sk_type type, void *packed, const sk_grouped_rows *rows, ptrdiff_t n_begin,
                     ptrdiff_t n_end, ptrdiff_t n, ptrdiff_t k) {
    if (!sk_is_grouped(type) || sk_packed_bytes(type, n, k) == 0) {
        return;
    }
    const sk_format f = sk_format_of(type);
    const sk_runs runs = sk_runs_of(type);
    const size_t tile_bytes = sk_tile_bytes(type, k);
    const size_t row_bytes = ((size_t)k * (size_t)f.bits + 7) / 8;
    const ptrdiff_t blocks = (k + 31) / 32;
    const ptrdiff_t groups = ((blocks - 1) >> runs.group) + 1;
    for (ptrdiff_t row = n_begin; row < n_end; row++) {
        const ptrdiff_t lane = row % SK_TILE_N;
        uint8_t *tile = (uint8_t *)packed + (size_t)(row / SK_TILE_N) * tile_bytes;
        if (lane == 0) {
            memset(tile, 0, tile_bytes);
        }
        const uint8_t *codes = rows->codes + (size_t)(row - n_begin) * row_bytes;
        const size_t scale = (size_t)((row - n_begin) * groups) * 2;
        for (ptrdiff_t b = 0; b < blocks; b++) {
            const sk_place at = sk_place_of(f, runs, b);
            const size_t from = scale + 2 * (size_t)(b >> runs.group);
            memcpy(tile + at.scales + 2 * lane, rows->scales + from, 2);
            if (f.has_min && rows->minimums != NULL) {
                memcpy(tile + at.scales + 32 + 2 * lane, rows->minimums + from, 2);
            }
            pack_codes(f, tile + at.block, codes, 32 * b, k, lane);
        }
    }
}
