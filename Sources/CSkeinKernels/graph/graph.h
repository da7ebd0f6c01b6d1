#ifndef SK_GRAPH_H
#define SK_GRAPH_H

#include "../internal.h"

/// The most outputs whose scores are taken from the same context vector before it moves.
enum { SK_SKIPGRAM_GROUP = 8 };

/// The levels that graph_body.h is compiled for.
void sk_graph_avx2(sk_kernels *table);
void sk_graph_avx512(sk_kernels *table);
void sk_graph_neon(sk_kernels *table);

#endif
