#include "scan.h"

#if defined(SK_X86)
#include "../vector/avx512.h"

#include "scan_body.h"

void sk_scan_avx512(sk_kernels *table) { fill_table(table); }
#endif
