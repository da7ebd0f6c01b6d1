// Vectors of WIDTH floats in the compiler's own terms, for kernels that are written once for all
// levels. A level's file includes avx2.h, avx512.h or neon.h, which define
//   WIDTH  floats of a vector
//   LEVEL  the attribute of functions that use the level's instructions
//   FUSED  whether a product and a sum round once
// and then the bodies of its kernels.

#include "../internal.h"

#include <string.h>

typedef float sk_f4 __attribute__((ext_vector_type(4)));
typedef float sk_f8 __attribute__((ext_vector_type(8)));
typedef float sk_f16 __attribute__((ext_vector_type(16)));

typedef float sk_v __attribute__((ext_vector_type(WIDTH)));
typedef float sk_v2 __attribute__((ext_vector_type(2 * WIDTH)));
typedef double sk_vd __attribute__((ext_vector_type(WIDTH)));
typedef int32_t sk_vi __attribute__((ext_vector_type(WIDTH)));
typedef uint32_t sk_vu __attribute__((ext_vector_type(WIDTH)));
typedef uint16_t sk_vs __attribute__((ext_vector_type(WIDTH)));
typedef int8_t sk_vb __attribute__((ext_vector_type(WIDTH)));
typedef _Float16 sk_vh __attribute__((ext_vector_type(WIDTH)));

#if FUSED
#define FMA(a, b, c) __builtin_elementwise_fma(a, b, c)
#else
#define FMA(a, b, c) ((a) * (b) + (c))
#endif
// Taking zero away leaves the value as it is, so that this is one broadcast.
#define ALL(value) ((value) - (sk_v){0})

#if WIDTH == 4
#define SK_INDEX ((sk_vi){0, 1, 2, 3})
#elif WIDTH == 8
#define SK_INDEX ((sk_vi){0, 1, 2, 3, 4, 5, 6, 7})
#else
#define SK_INDEX ((sk_vi){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})
#endif

SK_INLINE LEVEL sk_v sk_load(const float *x) {
    sk_v v;
    memcpy(&v, x, sizeof v);
    return v;
}

SK_INLINE LEVEL void sk_store(float *y, sk_v v) { memcpy(y, &v, sizeof v); }

/// The first n < WIDTH values; zeros follow.
SK_INLINE LEVEL sk_v sk_load_first(const float *x, ptrdiff_t n) {
    float lanes[WIDTH] = {0};
    memcpy(lanes, x, (size_t)n * sizeof *x);
    return sk_load(lanes);
}

SK_INLINE LEVEL void sk_store_first(float *y, sk_v v, ptrdiff_t n) {
    memcpy(y, &v, (size_t)n * sizeof *y);
}

/// The first n lanes of v; zeros follow.
SK_INLINE LEVEL sk_v sk_first(sk_v v, ptrdiff_t n) {
    return (sk_v)((SK_INDEX < (int32_t)n) & (sk_vi)v);
}

/// a where it is greater, else b: NaN in a is passed over, NaN in b stays.
SK_INLINE LEVEL sk_v sk_greater(sk_v a, sk_v b) { return a > b ? a : b; }
SK_INLINE LEVEL sk_v sk_smaller(sk_v a, sk_v b) { return a < b ? a : b; }

SK_INLINE LEVEL sk_v sk_magnitude(sk_v v) { return (sk_v)((sk_vi)v & INT32_MAX); }

#if WIDTH == 16
#define SK_FOLD(v, OF) OF(OF((v).lo.lo, (v).hi.lo), OF((v).lo.hi, (v).hi.hi))
#elif WIDTH == 8
#define SK_FOLD(v, OF) OF((v).lo, (v).hi)
#else
#define SK_FOLD(v, OF) (v)
#endif
#define SK_SUM(a, b) ((a) + (b))
#define SK_GREATER(a, b) ((a) > (b) ? (a) : (b))

/// The sum of the lanes, always in halves.
SK_INLINE LEVEL float sk_sum(sk_v v) {
    const sk_f4 four = SK_FOLD(v, SK_SUM);
    return (four[0] + four[2]) + (four[1] + four[3]);
}

SK_INLINE LEVEL double sk_sum_doubles(const sk_vd *v) {
    double lanes[WIDTH];
    memcpy(lanes, v, sizeof *v);
    for (int width = WIDTH / 2; width > 0; width /= 2) {
        for (int i = 0; i < width; i++) {
            lanes[i] += lanes[i + width];
        }
    }
    return lanes[0];
}

SK_INLINE LEVEL float sk_greatest(sk_v v) {
    const sk_f4 four = SK_FOLD(v, SK_GREATER);
    const float a = SK_GREATER(four[0], four[2]), b = SK_GREATER(four[1], four[3]);
    return SK_GREATER(a, b);
}

/// WIDTH values of SK_F16 or SK_BF16.
SK_INLINE LEVEL sk_v sk_widen(sk_type type, const void *x) {
    if (type == SK_F16) {
        sk_vh narrow;
        memcpy(&narrow, x, sizeof narrow);
        return __builtin_convertvector(narrow, sk_v);
    }
    sk_vs narrow;
    memcpy(&narrow, x, sizeof narrow);
    return (sk_v)(__builtin_convertvector(narrow, sk_vu) << 16);
}
