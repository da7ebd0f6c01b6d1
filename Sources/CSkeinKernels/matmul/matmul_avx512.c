#include "matmul.h"

#if defined(SK_X86)
#include "matmul_x86.h"

/// Of the level with BF16, whose activations are narrow where bf16 weights meet them.
static size_t narrow_bytes(sk_type type, ptrdiff_t k) {
    return type == SK_BF16 ? sk_row_bytes((size_t)(k + 1) / 2 * 4) : sk_activation_bytes(type, k);
}

/// Rounds a row to bf16 (nearest even, NaN stays NaN), padded with zero to an even length.
static SK_TARGET_AVX512 void narrow(uint16_t *row, const float *x, ptrdiff_t k) {
    for (ptrdiff_t i = 0; i < k; i++) {
        uint32_t bits;
        memcpy(&bits, x + i, 4);
        const uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
        const int is_nan = (bits & 0x7fffffff) > 0x7f800000;
        row[i] = (uint16_t)(is_nan ? bits >> 16 | 64 : rounded);
    }
    if (k % 2 != 0) {
        row[k] = 0;
    }
}

static void prepare(sk_type type, void *activations, const float *x, ptrdiff_t ldx, ptrdiff_t rows,
                    ptrdiff_t k) {
    if (sk_is_float(type)) {
        sk_copy_rows(activations, x, ldx, rows, k);
        return;
    }
    const sk_format f = sk_format_of(type);
    const size_t bytes = sk_activation_bytes(type, k);
    for (ptrdiff_t r = 0; r < rows; r++) {
        void *row = (uint8_t *)activations + (size_t)r * bytes;
        sk_quantise_row_avx2(row, x + r * ldx, k / 32, f.zero, type == SK_Q6_K);
        if (sk_is_grouped(type)) {
            float last[32];
            if (sk_last_block(last, x + r * ldx, k)) {
                sk_quantise_row_avx2((sk_activation_block *)row + k / 32, last, 1, f.zero, 0);
            }
            const size_t floats = sk_float_offset(k, sizeof(sk_activation_block));
            memcpy((uint8_t *)row + floats, x + r * ldx, (size_t)k * 4);
        }
    }
}

static void prepare_narrow(sk_type type, void *activations, const float *x, ptrdiff_t ldx,
                           ptrdiff_t rows, ptrdiff_t k) {
    if (type != SK_BF16) {
        prepare(type, activations, x, ldx, rows, k);
        return;
    }
    const size_t bytes = narrow_bytes(type, k);
    for (ptrdiff_t r = 0; r < rows; r++) {
        narrow((uint16_t *)((uint8_t *)activations + (size_t)r * bytes), x + r * ldx, k);
    }
}

static const sk_panel_kernels kernels = {
    .abreast = SK_ABREAST,
    .max_rows_float = 96,
    .whole_rows_float = 12,
    .max_rows_int = 6,
    .widen = sk_widen_avx512,
    .f32 = sk_f32_panel_avx512,
    .f16 = sk_f16_panel_avx512,
    .bf16 = sk_bf16_panel_avx512,
    .q4_0 = sk_q4_0_panel_avx512,
    .q4_1 = sk_q4_1_panel_avx512,
    .q5_0 = sk_q5_0_panel_avx512,
    .q5_1 = sk_q5_1_panel_avx512,
    .q8_0 = sk_q8_0_panel_avx512,
    .q4_k = sk_q4_k_panel_avx512,
    .q5_k = sk_q5_k_panel_avx512,
    .q6_k = sk_q6_k_panel_avx512,
    .g2 = sk_g2_panel_avx512,
    .g3 = sk_g3_panel_avx512,
    .g4 = sk_g4_panel_avx512,
    .g5 = sk_g5_panel_avx512,
    .g6 = sk_g6_panel_avx512,
    .g8 = sk_g8_panel_avx512,
    .g2_min = sk_g2_min_panel_avx512,
    .g3_min = sk_g3_min_panel_avx512,
    .g4_min = sk_g4_min_panel_avx512,
    .g5_min = sk_g5_min_panel_avx512,
};

static SK_TARGET_AVX2 void matmul(const sk_matmul *args) {
    const size_t x_bytes = sk_activation_bytes(args->type, args->k);
    sk_fetch_outliers(args);
    sk_run_panels(args, &kernels, x_bytes);
    sk_add_outliers(args, x_bytes, sizeof(sk_activation_block));
}

static void matmul_narrow(const sk_matmul *args) {
    if (args->type != SK_BF16) {
        matmul(args);
        return;
    }
    sk_panel_kernels narrow = kernels;
    narrow.widen = NULL;
    narrow.bf16 = sk_bf16_panel_avx512_bf16;
    sk_run_panels(args, &narrow, narrow_bytes(args->type, args->k));
}

void sk_fill_matmul_avx512(sk_kernels *table) {
    const int has_dots = table->isa == SK_ISA_AVX512_BF16;
    table->activation_bytes = has_dots ? narrow_bytes : sk_activation_bytes;
    table->prepare = has_dots ? prepare_narrow : prepare;
    table->matmul = has_dots ? matmul_narrow : matmul;
}

#else
void sk_fill_matmul_avx512(sk_kernels *table) { (void)table; }
#endif
