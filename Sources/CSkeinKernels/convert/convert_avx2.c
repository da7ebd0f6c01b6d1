#include "convert.h"

#if defined(SK_X86)
#include "../vector/avx2.h"

#include "convert_body.h"

void sk_convert_avx2(sk_kernels *table) { fill_table(table); }
#endif
