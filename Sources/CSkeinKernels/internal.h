#ifndef SK_INTERNAL_H
#define SK_INTERNAL_H

#include "sk_kernels.h"

#pragma STDC FP_CONTRACT OFF

#if defined(__x86_64__)
#define SK_X86 1
#define SK_TARGET_AVX2 __attribute__((target("avx2,fma,f16c,bmi2")))
#define SK_TARGET_AVX512                                                                           \
    __attribute__((target("avx2,fma,f16c,bmi2,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))
#define SK_TARGET_AVX512_BF16                                                                      \
    __attribute__((target("avx2,fma,f16c,bmi2,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,"      \
                          "avx512bf16")))
#elif defined(__aarch64__)
#define SK_NEON 1
#endif

#define SK_INLINE static inline __attribute__((always_inline))

SK_INLINE int sk_is_avx512(sk_isa isa) { return isa == SK_ISA_AVX512 || isa == SK_ISA_AVX512_BF16; }

enum { SK_ABREAST = 4 };

/// Tiles of float weights that lie abreast: where a level takes several tiles at once, one stream
/// of memory is read instead of several short ones.
SK_INLINE ptrdiff_t sk_tiles_abreast(sk_isa isa) { return sk_is_avx512(isa) ? SK_ABREAST : 1; }

/// How many tiles lie abreast where a tile of an [n, k] matrix lies: those left over lie alone.
SK_INLINE ptrdiff_t sk_abreast_at(ptrdiff_t tile, ptrdiff_t n, ptrdiff_t abreast) {
    return tile < (n + SK_TILE_N - 1) / SK_TILE_N / abreast * abreast ? abreast : 1;
}

/// Bytes of one step of a float tile: a value of k, or a pair of bf16.
SK_INLINE size_t sk_step_bytes(sk_type type) { return SK_TILE_N * (type == SK_F16 ? 2 : 4); }

SK_INLINE ptrdiff_t sk_step_count(sk_type type, ptrdiff_t k) {
    return type == SK_BF16 ? (k + 1) / 2 : k;
}

/// Where a float tile's first step lies, and how far it is from one to the next, in bytes.
typedef struct sk_steps {
    size_t first, stride;
} sk_steps;

SK_INLINE sk_steps sk_steps_of(size_t tile, size_t abreast, size_t tile_bytes, size_t step_bytes) {
    if (abreast == 1) {
        return (sk_steps){tile * tile_bytes, step_bytes};
    }
    const size_t lane = tile % SK_ABREAST;
    return (sk_steps){(tile - lane) * tile_bytes + lane * step_bytes, SK_ABREAST * step_bytes};
}

/// Lets the file of a table's level, if there is one, take the place of a family's portable
/// functions.
#if defined(SK_X86)
#define SK_FILL_LEVEL(family, table)                                                               \
    ((table)->isa == SK_ISA_AVX2  ? sk_##family##_avx2(table)                                      \
     : sk_is_avx512((table)->isa) ? sk_##family##_avx512(table)                                    \
                                  : (void)0)
#elif defined(SK_NEON)
#define SK_FILL_LEVEL(family, table)                                                               \
    ((table)->isa == SK_ISA_NEON ? sk_##family##_neon(table) : (void)0)
#else
#define SK_FILL_LEVEL(family, table) ((void)(table))
#endif

/// Each family fills its own entries of a level's table; a level starts as a copy of the portable
/// one.
void sk_fill_matmul(sk_kernels *table);
void sk_fill_convert(sk_kernels *table);
void sk_fill_elementwise(sk_kernels *table);
void sk_fill_attention(sk_kernels *table);
void sk_fill_quantize(sk_kernels *table);
void sk_fill_graph(sk_kernels *table);
void sk_fill_learning(sk_kernels *table);
void sk_fill_scan(sk_kernels *table);

#endif
