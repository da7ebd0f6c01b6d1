#include "elementwise.h"

#if defined(SK_X86)
#include "../vector/avx2.h"

#include "elementwise_body.h"

void sk_elementwise_avx2(sk_kernels *table) { fill_table(table); }
#endif
