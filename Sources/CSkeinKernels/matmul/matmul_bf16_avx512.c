#include "matmul.h"

#if defined(SK_X86)
#define LEVEL SK_TARGET_AVX512_BF16
#define BF16_DOTS 1
#include "matmul_float_avx512.h"

SK_TARGET_AVX512_BF16 void sk_bf16_panel_avx512_bf16(const sk_panel *p) { by_blocks(SK_BF16, p); }

#endif
