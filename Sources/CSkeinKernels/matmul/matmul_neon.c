#include "matmul.h"

void sk_fill_matmul_neon(sk_kernels *table) { (void)table; }
