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
