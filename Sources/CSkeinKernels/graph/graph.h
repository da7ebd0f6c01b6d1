#ifndef SK_GRAPH_H
#define SK_GRAPH_H

#include "../internal.h"

/// The most outputs whose scores are taken from the same context vector before it moves.
enum { SK_SKIPGRAM_GROUP = 8 };

void sk_graph_avx2(sk_kernels *table);

#endif
