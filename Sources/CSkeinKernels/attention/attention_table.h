// The entry of one level, after its arithmetic.

static const sk_attention_steps steps = {
    .lanes = lanes,
    .few = few,
    .widen = widen,
    .dots = dots,
    .weigh = weigh,
    .gather = gather,
};

static void attention(const sk_attention *args, ptrdiff_t row_begin, ptrdiff_t row_end,
                      ptrdiff_t kv_begin, ptrdiff_t kv_end) {
    sk_attention_run(&steps, args, row_begin, row_end, kv_begin, kv_end);
}

SK_INLINE void fill_table(sk_kernels *table) { table->attention = attention; }
