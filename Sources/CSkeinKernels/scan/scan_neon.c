#include "scan.h"

#if defined(SK_NEON)
#include "../vector/neon.h"

#include "scan_body.h"

void sk_scan_neon(sk_kernels *table) { fill_table(table); }
#endif
