#include "elementwise.h"

#if defined(SK_NEON)
#include "../vector/neon.h"

#include "elementwise_body.h"

void sk_elementwise_neon(sk_kernels *table) { fill_table(table); }
#endif
