#include "graph.h"

#if defined(SK_X86)
#include "../vector/avx512.h"

#include "graph_body.h"

void sk_graph_avx512(sk_kernels *table) { fill_table(table); }
#endif
