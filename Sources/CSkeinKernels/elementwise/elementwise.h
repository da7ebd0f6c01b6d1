#ifndef SK_ELEMENTWISE_H
#define SK_ELEMENTWISE_H

#include "../internal.h"

/// The levels that elementwise_body.h is compiled for.
void sk_elementwise_avx2(sk_kernels *table);
void sk_elementwise_avx512(sk_kernels *table);
void sk_elementwise_neon(sk_kernels *table);

/// Puts a value into an ordered list, before the place that is free or falls out.
SK_INLINE void sk_insert(int32_t *places, float *values, ptrdiff_t place, float value,
                         ptrdiff_t index) {
    for (; place > 0 && value > values[place - 1]; place--) {
        values[place] = values[place - 1];
        places[place] = places[place - 1];
    }
    values[place] = value;
    places[place] = (int32_t)index;
}

#endif
