#include "convert.h"

#if defined(SK_NEON)
#include "../vector/neon.h"

#include "convert_body.h"

void sk_convert_neon(sk_kernels *table) { fill_table(table); }
#endif
