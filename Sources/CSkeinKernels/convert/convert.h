#ifndef SK_CONVERT_H
#define SK_CONVERT_H

#include "../internal.h"

void sk_dequantize_portable(sk_type type, float *y, const void *row, ptrdiff_t k);
void sk_narrow_portable(sk_type type, void *y, const float *x, ptrdiff_t n);

/// The six-bit scale and minimum of sub-block j (0 ..< 8) of a Q4_K or Q5_K block's twelve bytes.
SK_INLINE void sk_k_scale_min(const uint8_t *packed, int j, uint8_t *scale, uint8_t *minimum) {
    if (j < 4) {
        *scale = packed[j] & 63;
        *minimum = packed[j + 4] & 63;
    } else {
        *scale = (uint8_t)((packed[j + 4] & 15) | (packed[j - 4] >> 6) << 4);
        *minimum = (uint8_t)(packed[j + 4] >> 4 | (packed[j] >> 6) << 4);
    }
}

/// The levels that convert_body.h is compiled for.
void sk_convert_avx2(sk_kernels *table);
void sk_convert_avx512(sk_kernels *table);
void sk_convert_neon(sk_kernels *table);

#endif
