#include "attention.h"

#if defined(SK_NEON)
#include "../vector/neon.h"

#include "attention_body.h"

void sk_attention_neon(sk_kernels *table) { fill_table(table); }
#endif
