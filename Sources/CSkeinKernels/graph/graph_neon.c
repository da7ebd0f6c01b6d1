#include "graph.h"

#if defined(SK_NEON)
#include "../vector/neon.h"

#include "graph_body.h"

void sk_graph_neon(sk_kernels *table) { fill_table(table); }
#endif
