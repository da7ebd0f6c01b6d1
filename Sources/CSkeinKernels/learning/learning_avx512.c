#include "learning.h"

#if defined(SK_X86)
#include "../vector/avx512.h"

#define ABREAST SK_ABREAST
#include "learning_body.h"

void sk_learning_avx512(sk_kernels *table) { fill_table(table); }
#endif
