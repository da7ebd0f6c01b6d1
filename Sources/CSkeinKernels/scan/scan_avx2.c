#include "scan.h"

#if defined(SK_X86)
#include "../vector/avx2.h"

#include "scan_body.h"

void sk_scan_avx2(sk_kernels *table) { fill_table(table); }
#endif
