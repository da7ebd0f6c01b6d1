#include "matmul.h"

void sk_fill_matmul_avx512(sk_kernels *table) { (void)table; }
