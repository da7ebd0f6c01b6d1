#include "graph.h"

#if defined(SK_X86)
#include "../vector/avx2.h"

#include "graph_body.h"

void sk_graph_avx2(sk_kernels *table) { fill_table(table); }
#endif
