#include "learning.h"

#if defined(SK_NEON)
#include "../vector/neon.h"

#define ABREAST 1
#include "learning_body.h"

void sk_learning_neon(sk_kernels *table) { fill_table(table); }
#endif
