#ifndef SK_ELEMENTWISE_H
#define SK_ELEMENTWISE_H

#include "../internal.h"

/// The levels that elementwise_body.h is compiled for.
void sk_elementwise_avx2(sk_kernels *table);
void sk_elementwise_avx512(sk_kernels *table);
void sk_elementwise_neon(sk_kernels *table);

#endif
