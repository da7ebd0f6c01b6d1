#ifndef SK_ELEMENTWISE_H
#define SK_ELEMENTWISE_H

#include "../internal.h"

void sk_elementwise_avx2(sk_kernels *table);
void sk_elementwise_avx512(sk_kernels *table);
void sk_elementwise_neon(sk_kernels *table);

#endif
