#ifndef SK_SCAN_H
#define SK_SCAN_H

#include "../internal.h"

/// What one level's file fills; the arithmetic of all levels is scan_body.h.
void sk_scan_avx2(sk_kernels *table);
void sk_scan_avx512(sk_kernels *table);

#endif
