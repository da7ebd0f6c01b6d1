#include "elementwise.h"

#if defined(SK_X86)
#include "../vector/avx512.h"

#include "elementwise_body.h"

void sk_elementwise_avx512(sk_kernels *table) { fill_table(table); }
#endif
