// The entries of one level, after its functions.

SK_INLINE void fill_table(sk_kernels *table) {
    table->rms_norm = rms_norm;
    table->layer_norm = layer_norm;
    table->rotary = rotary;
    table->add = add;
    table->multiply = multiply;
    table->scale = scale;
    table->silu = silu;
    table->gelu_erf = gelu_erf;
    table->gelu_tanh = gelu_tanh;
    table->silu_gate = silu_gate;
    table->gelu_gate = gelu_gate;
    table->exp = exp_of_all;
    table->tanh = tanh_of_all;
    table->softmax = softmax;
    table->log_sum_exp = log_sum_exp;
    table->argmax = argmax;
    table->select_largest = select_largest;
    table->all_finite = all_finite;
}
