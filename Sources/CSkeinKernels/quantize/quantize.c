#include "../matmul/matmul.h"

#include "quantize.h"

/// One level's entries; `target` is the attribute that allows its instructions.
#define SK_QUANTIZE(level, target)                                                                 \
    static target void power_sums_##level(double *sums, const float *x, ptrdiff_t n) {             \
        sk_power_sums_body(sums, x, n);                                                            \
    }                                                                                              \
    static target void fit_scale_##level(sk_scale_fit *fit, const float *x, ptrdiff_t n,           \
                                         int32_t bits, int32_t steps, float shrink) {              \
        sk_fit_scale_body(fit, x, n, bits, steps, shrink);                                         \
    }                                                                                              \
    static target void code_sums_##level(sk_code_sums *sums, const float *x, ptrdiff_t n,          \
                                         int32_t bits, float scale) {                              \
        const float zero = (float)(1 << (bits - 1));                                               \
        const float inverse = scale == 0 ? 0 : 1 / scale;                                          \
        sk_code_products(x, n, inverse, -zero, zero - 1, &sums->products, &sums->squares);         \
        sums->error = sk_code_error(x, n, scale, -zero, zero - 1);                                 \
    }                                                                                              \
    static target void fit_half_quadratic_##level(sk_affine_fit *fit, const float *x, ptrdiff_t n, \
                                                  int32_t bits, int32_t rounds) {                  \
        sk_fit_half_quadratic_body(fit, x, n, bits, rounds);                                       \
    }                                                                                              \
    static target void encode_codes_##level(uint8_t *codes, const float *x, ptrdiff_t n,           \
                                            int32_t bits, float scale, float minimum) {            \
        sk_encode_codes_body(codes, x, n, bits, scale, minimum);                                   \
    }                                                                                              \
    static void fill_##level(sk_kernels *table) {                                                  \
        table->power_sums = power_sums_##level;                                                    \
        table->fit_scale = fit_scale_##level;                                                      \
        table->code_sums = code_sums_##level;                                                      \
        table->fit_half_quadratic = fit_half_quadratic_##level;                                    \
        table->encode_codes = encode_codes_##level;                                                \
    }

SK_QUANTIZE(portable, )
#if defined(SK_X86)
SK_QUANTIZE(avx2, SK_TARGET_AVX2)
SK_QUANTIZE(avx512, SK_TARGET_AVX512)
#endif

void sk_fill_quantize(sk_kernels *table) {
    fill_portable(table);
#if defined(SK_X86)
    if (table->isa == SK_ISA_AVX2) {
        fill_avx2(table);
    } else if (sk_is_avx512(table->isa)) {
        fill_avx512(table);
    }
#endif
}
