#ifndef SK_SCAN_H
#define SK_SCAN_H

#include "../internal.h"

/// The levels that scan_body.h is compiled for.
void sk_scan_avx2(sk_kernels *table);
void sk_scan_avx512(sk_kernels *table);
void sk_scan_neon(sk_kernels *table);

#endif
