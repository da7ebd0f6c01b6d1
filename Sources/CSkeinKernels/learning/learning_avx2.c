#include "learning.h"

#if defined(SK_X86)
#include "../vector/avx2.h"

#define ABREAST 1
#include "learning_body.h"

void sk_learning_avx2(sk_kernels *table) { fill_table(table); }
#endif
