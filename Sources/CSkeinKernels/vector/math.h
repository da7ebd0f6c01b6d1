// Functions of one value over vectors of any width; after vector.h.

/// eˣ within 1 ulp of the exact value (densely checked), subnormals included; NaN passes.
SK_INLINE LEVEL sk_v sk_exp(sk_v x) {
    // The order of the operands keeps NaN.
    x = sk_greater(ALL(-104.0f), sk_smaller(ALL(89.0f), x));
    // The nearest whole number, in the low bits of a sum.
    const sk_v whole = FMA(x, ALL(0x1.715476p+0f), ALL(0x1.8p23f));
    const sk_v n = whole - 0x1.8p23f;
    sk_v r = FMA(n, ALL(-0x1.62e4p-1f), x);
    r = FMA(n, ALL(-0x1.7f7d1cp-20f), r);
    sk_v p = ALL(1.991710703e-04f);
    p = FMA(p, r, ALL(1.394728380e-03f));
    p = FMA(p, r, ALL(8.333267061e-03f));
    p = FMA(p, r, ALL(4.166625264e-02f));
    p = FMA(p, r, ALL(1.666666685e-01f));
    p = FMA(p, r, ALL(0.5f));
    p = FMA(p, r * r, r);
    p = p + 1.0f;
    // 2ⁿ in two factors, so that the ends of the range round once; the shifts by 23 leave nothing
    // of what `whole` adds to n.
    const sk_vu first = (sk_vu)whole >> 1;
    const sk_vu second = (sk_vu)whole - first;
    return p * (sk_v)((first + 127) << 23) * (sk_v)((second + 127) << 23);
}

/// tanh x within 2 ulp.
SK_INLINE LEVEL sk_v sk_tanh(sk_v x) {
    const sk_v a = sk_magnitude(x), z = x * x;
    sk_v p = ALL(2.147527617e-03f);
    p = FMA(p, z, ALL(-8.182662952e-03f));
    p = FMA(p, z, ALL(2.170296228e-02f));
    p = FMA(p, z, ALL(-5.394720329e-02f));
    p = FMA(p, z, ALL(1.333320975e-01f));
    p = FMA(p, z, ALL(-3.333333091e-01f));
    const sk_v small = FMA(p * z, x, x);
    const sk_v large = 1.0f - 2.0f / (sk_exp(a + a) + 1.0f);
    const sk_vi sign = (sk_vi)x & INT32_MIN;
    return a < 0.625f ? small : (sk_v)((sk_vi)large | sign);
}

/// x / (1 + e⁻ˢ): x times the logistic function of s.
SK_INLINE LEVEL sk_v sk_gated(sk_v x, sk_v s) { return x / (1.0f + sk_exp(-s)); }

SK_INLINE LEVEL sk_v sk_silu(sk_v x) { return sk_gated(x, x); }

SK_INLINE LEVEL sk_v sk_gelu_tanh(sk_v x) {
    const sk_v cubic = FMA(x * x, ALL(0.044715f), ALL(1.0f));
    return sk_gated(x, x * (2 * 0.79788456f) * cubic);
}

/// Φ(x), with erfc t = e^(-t²) w P(w), w = 1 / (1 + t/2), for t = |x| / √2; P is a fit of
/// relative error 4e-8.
SK_INLINE LEVEL sk_v sk_phi(sk_v x) {
    const sk_v a = sk_smaller(ALL(15.0f), sk_magnitude(x));
    const sk_v w = 1.0f / FMA(a, ALL(0.35355339f), ALL(1.0f));
    sk_v p = ALL(-5.912459613e-02f);
    p = FMA(p, w, ALL(2.848469994e-01f));
    p = FMA(p, w, ALL(-4.877645114e-01f));
    p = FMA(p, w, ALL(2.787147690e-01f));
    p = FMA(p, w, ALL(-2.707305072e-02f));
    p = FMA(p, w, ALL(2.028767453e-01f));
    p = FMA(p, w, ALL(2.430556127e-01f));
    p = FMA(p, w, ALL(2.823819512e-01f));
    p = FMA(p, w, ALL(2.820860376e-01f));
    const sk_v tail = p * w * (sk_exp(a * -0.5f * a) * 0.5f);
    return (sk_vi)x < 0 ? tail : 1.0f - tail;
}

SK_INLINE LEVEL sk_v sk_gelu_erf(sk_v x) { return x * sk_phi(x); }

typedef sk_v sk_function(sk_v x);

/// y = f(x); the rest through padded vectors, so a value's bits never depend on its place.
SK_INLINE LEVEL void sk_map(float *y, const float *x, ptrdiff_t n, sk_function *f) {
    ptrdiff_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH) {
        sk_store(y + i, f(sk_load(x + i)));
    }
    if (i < n) {
        sk_store_first(y + i, f(sk_load_first(x + i, n - i)), n - i);
    }
}
