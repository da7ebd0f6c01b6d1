#include "scan.h"

#if defined(SK_X86)
#define WIDTH 16
#define LEVEL SK_TARGET_AVX512
#define FUSED 1

#include "scan_body.h"

void sk_scan_avx512(sk_kernels *table) { fill_table(table); }
#endif
