// The entries of one level, after its functions.

SK_INLINE void fill_table(sk_kernels *table) {
    table->skipgram = skipgram;
    table->sparse_times_dense = sparse_times_dense;
    table->gram = gram;
    table->tall_times_small = tall_times_small;
}
