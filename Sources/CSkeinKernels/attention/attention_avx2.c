#include "attention.h"

#if defined(SK_X86)
#include "../vector/avx2.h"

#include "attention_body.h"

void sk_attention_avx2(sk_kernels *table) { fill_table(table); }
#endif
