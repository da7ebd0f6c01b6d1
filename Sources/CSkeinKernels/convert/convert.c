#include "../internal.h"

void sk_fill_convert(sk_kernels *table) { (void)table; }
