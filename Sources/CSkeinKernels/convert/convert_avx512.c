#include "convert.h"

#if defined(SK_X86)
#include "../vector/avx512.h"

#include "convert_body.h"

void sk_convert_avx512(sk_kernels *table) { fill_table(table); }
#endif
