#include "internal.h"

#include <pthread.h>

#if defined(SK_NEON) && defined(__linux__)
#include <sys/auxv.h>
#endif

static sk_kernels tables[SK_ISA_COUNT];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int has_isa(sk_isa isa) {
    switch (isa) {
    case SK_ISA_PORTABLE:
        return 1;
#if defined(SK_X86)
    case SK_ISA_AVX2:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
               __builtin_cpu_supports("f16c") && __builtin_cpu_supports("bmi2");
    case SK_ISA_AVX512:
        return has_isa(SK_ISA_AVX2) && __builtin_cpu_supports("avx512f") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
    case SK_ISA_AVX512_BF16:
        return has_isa(SK_ISA_AVX512) && __builtin_cpu_supports("avx512bf16");
#elif defined(SK_NEON)
    case SK_ISA_NEON: {
#if defined(__linux__)
        const unsigned long dot_products = 1ul << 20; // HWCAP_ASIMDDP of asm/hwcap.h
        return (getauxval(AT_HWCAP) & dot_products) != 0;
#else
        return 1;
#endif
    }
#endif
    default:
        return 0;
    }
}

static void fill(void) {
    static const char *const names[SK_ISA_COUNT] = {"portable", "avx2", "avx512", "neon",
                                                    "avx512bf16"};
    for (sk_isa isa = 0; isa < SK_ISA_COUNT; isa++) {
        tables[isa].isa = isa;
        tables[isa].name = names[isa];
        tables[isa].tiles_abreast = sk_tiles_abreast(isa);
        sk_fill_matmul(&tables[isa]);
        sk_fill_convert(&tables[isa]);
        sk_fill_elementwise(&tables[isa]);
        sk_fill_attention(&tables[isa]);
        sk_fill_quantize(&tables[isa]);
        sk_fill_graph(&tables[isa]);
        sk_fill_learning(&tables[isa]);
        sk_fill_scan(&tables[isa]);
    }
}

const sk_kernels *sk_kernels_for(sk_isa isa) {
    if (isa < 0 || isa >= SK_ISA_COUNT || !has_isa(isa)) {
        return NULL;
    }
    pthread_once(&once, fill);
    return &tables[isa];
}

sk_isa sk_best_isa(void) {
    static const sk_isa order[] = {SK_ISA_AVX512_BF16, SK_ISA_AVX512, SK_ISA_AVX2, SK_ISA_NEON};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        if (has_isa(order[i])) {
            return order[i];
        }
    }
    return SK_ISA_PORTABLE;
}

size_t sk_block_bytes(sk_type type) {
    switch (type) {
    case SK_F32:
        return 4;
    case SK_F16:
    case SK_BF16:
        return 2;
    case SK_Q4_0:
        return 18;
    case SK_Q4_1:
        return 20;
    case SK_Q5_0:
        return 22;
    case SK_Q5_1:
        return 24;
    case SK_Q8_0:
        return 34;
    case SK_Q4_K:
        return 144;
    case SK_Q5_K:
        return 176;
    case SK_Q6_K:
        return 210;
    default:
        return 0;
    }
}

ptrdiff_t sk_block_values(sk_type type) {
    switch (type) {
    case SK_F32:
    case SK_F16:
    case SK_BF16:
        return 1;
    case SK_Q4_0:
    case SK_Q4_1:
    case SK_Q5_0:
    case SK_Q5_1:
    case SK_Q8_0:
        return 32;
    case SK_Q4_K:
    case SK_Q5_K:
    case SK_Q6_K:
        return 256;
    default:
        return 0;
    }
}
