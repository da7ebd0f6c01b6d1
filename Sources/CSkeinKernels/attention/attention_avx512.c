#include "attention.h"

#if defined(SK_X86)
#include "../vector/avx512.h"

#include "attention_body.h"

void sk_attention_avx512(sk_kernels *table) { fill_table(table); }
#endif
