#ifndef SK_KERNELS_H
#define SK_KERNELS_H

#include "sk_system.h"
#include "sk_types.h"

#pragma clang assume_nonnull begin

/// The kernels of one instruction-set level.
///
/// Every kernel is pure: it allocates nothing, keeps no state, spawns nothing and reads no
/// environment; callers split work by ranges. A row's result has the same bits whatever other rows
/// share the call and however outputs are split over calls. Bits may differ between levels.
typedef struct SK_SENDABLE sk_kernels {
    sk_isa isa;
    const char *name; ///< "portable", "avx2", "avx512", "neon", "avx512bf16"
    /// Tiles of packed float weights [n, k] that lie abreast: the steps of K of so many tiles, one
    /// after another, then the next step's; tiles left over lie alone. A step is a value of K, of
    /// bf16 a pair.
    ptrdiff_t tiles_abreast;

    // ---- matrix products (matmul/) ----
    /// Bytes of a packed [n, k] matrix; 0 if the type has no product or k does not fit its blocks.
    size_t (*packed_bytes)(sk_type type, ptrdiff_t n, ptrdiff_t k);
    /// Packs source rows n_begin ..< n_end into their tiles. `rows` points at source row n_begin,
    /// in the type's own file layout, `row_stride` bytes apart. n_begin is a multiple of SK_TILE_N;
    /// n_end is one too, or n. The last tile is padded with zeros.
    void (*pack)(sk_type type, void *packed, const void *rows, size_t row_stride, ptrdiff_t n_begin,
                 ptrdiff_t n_end, ptrdiff_t n, ptrdiff_t k);
    /// The same for a grouped type.
    void (*pack_grouped)(sk_type type, void *packed, const sk_grouped_rows *rows, ptrdiff_t n_begin,
                         ptrdiff_t n_end, ptrdiff_t n, ptrdiff_t k);
    /// Bytes of one prepared row of activations for weights of `type`; a multiple of 64.
    size_t (*activation_bytes)(sk_type type, ptrdiff_t k);
    /// Prepares rows of f32 activations (quantising where the product is an integer one).
    void (*prepare)(sk_type type, void *activations, const float *x, ptrdiff_t ldx, ptrdiff_t rows,
                    ptrdiff_t k);
    void (*matmul)(const sk_matmul *args);

    // ---- rows of other types (convert/) ----
    /// y[k] = the values of one source row in its file layout. k fits the type's blocks.
    void (*dequantize)(sk_type type, float *y, const void *row, ptrdiff_t k);
    /// Rounds n floats to f32, f16 or bf16 (nearest even).
    void (*narrow)(sk_type type, void *y, const float *x, ptrdiff_t n);

    // ---- element-wise and norms (elementwise/); y may alias x ----
    /// y = x / sqrt(mean(x²) + epsilon) * weight, by rows of c.
    void (*rms_norm)(float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx, const float *weight,
                     ptrdiff_t rows, ptrdiff_t c, float epsilon);
    /// y = (x - mean) / sqrt(variance + epsilon) * weight + bias.
    void (*layer_norm)(float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx, const float *weight,
                       const float *_Nullable bias, ptrdiff_t rows, ptrdiff_t c, float epsilon);
    /// Rotates the first 2 * half of each head's head_dim values by per-row tables
    /// cosines[row * half + i], sines[row * half + i].
    /// interleaved == 0: pairs (i, i + half); otherwise pairs (2i, 2i + 1).
    void (*rotary)(float *x, ptrdiff_t ldx, const float *cosines, const float *sines,
                   ptrdiff_t rows, ptrdiff_t heads, ptrdiff_t head_dim, ptrdiff_t half,
                   int32_t interleaved);
    void (*add)(float *y, const float *a, const float *b, ptrdiff_t n);
    void (*multiply)(float *y, const float *a, const float *b, ptrdiff_t n);
    void (*scale)(float *y, const float *x, float factor, ptrdiff_t n);
    void (*silu)(float *y, const float *x, ptrdiff_t n);
    void (*gelu_erf)(float *y, const float *x, ptrdiff_t n);
    void (*gelu_tanh)(float *y, const float *x, ptrdiff_t n);
    /// y[r, i] = silu(x[r, i]) * x[r, c + i]: x holds [gate | up] rows of 2c.
    void (*silu_gate)(float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx, ptrdiff_t rows,
                      ptrdiff_t c);
    /// The same with tanh-approximated GELU.
    void (*gelu_gate)(float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx, ptrdiff_t rows,
                      ptrdiff_t c);
    void (*exp)(float *y, const float *x, ptrdiff_t n);
    void (*tanh)(float *y, const float *x, ptrdiff_t n);
    /// y = exp(x - max) / sum; a row of only -infinity becomes zeros.
    void (*softmax)(float *y, const float *x, ptrdiff_t n);
    /// log(sum(exp(x))), stable.
    float (*log_sum_exp)(const float *x, ptrdiff_t n);
    /// Index of the largest value (the first of equals); NaN never wins; -1 if n is 0 or all NaN.
    ptrdiff_t (*argmax)(const float *x, ptrdiff_t n);
    /// The `keep` <= n largest values and their places, from the largest down, the first of equals
    /// first; x holds no NaN.
    void (*select_largest)(int32_t *places, float *values, ptrdiff_t keep, const float *x,
                           ptrdiff_t n);
    /// Whether all values are finite.
    int32_t (*all_finite)(const float *x, ptrdiff_t n);

    // ---- quantisation (quantize/); codes lie within [-2^(bits - 1), 2^(bits - 1) - 1] ----
    /// sums[4]: of x, x², x³ and x⁴.
    void (*power_sums)(double *sums, const float *x, ptrdiff_t n);
    /// The scale of least squared error: the best of `steps` ranges from the extreme value's down
    /// to `shrink` of it, refined by alternating codes and scale. A row of zeros has the scale 0.
    void (*fit_scale)(sk_scale_fit *fit, const float *x, ptrdiff_t n, int32_t bits, int32_t steps,
                      float shrink);
    void (*code_sums)(sk_code_sums *sums, const float *x, ptrdiff_t n, int32_t bits, float scale);
    /// Half-quadratic quantisation (Badri and Shaji 2023), of at most `rounds` rounds; n > 0.
    void (*fit_half_quadratic)(sk_affine_fit *fit, const float *x, ptrdiff_t n, int32_t bits,
                               int32_t rounds);
    /// Codes plus 2^(bits - 1), as sk_grouped_rows has them; the first begins a byte.
    void (*encode_codes)(uint8_t *codes, const float *x, ptrdiff_t n, int32_t bits, float scale,
                         float minimum);

    // ---- attention (attention/) ----
    /// Rows row_begin ..< row_end of the segment, key-value heads kv_begin ..< kv_end (each with
    /// its group of query heads). A row without visible keys yields zeros.
    void (*attention)(const sk_attention *args, ptrdiff_t row_begin, ptrdiff_t row_end,
                      ptrdiff_t kv_begin, ptrdiff_t kv_end);

    // ---- graphs (graph/); widths are multiples of 8 ----
    /// Skip-gram with negative samples: every context row of `in`, one after another, is drawn to
    /// row outputs[0] of `out` and driven from the others, by gradients of the logistic loss. Eight
    /// outputs at a time are scored before they move. No row of a group may occur twice in it.
    void (*skipgram)(float *in, float *out, ptrdiff_t width, const int32_t *contexts,
                     ptrdiff_t context_count, const int32_t *outputs, ptrdiff_t output_count,
                     float rate);
    /// Rows begin ..< end of a sparse product.
    void (*sparse_times_dense)(const sk_sparse *args, ptrdiff_t begin, ptrdiff_t end);
    /// g[p, q] += aᵀ b over the rows of a[rows, p] and b[rows, q].
    void (*gram)(double *g, const float *a, ptrdiff_t p, const float *b, ptrdiff_t q,
                 ptrdiff_t rows);
    /// y[rows, q] = x[rows, p] w[p, q].
    void (*tall_times_small)(float *y, const float *x, ptrdiff_t p, const float *w, ptrdiff_t q,
                             ptrdiff_t rows);

    // ---- learning (learning/) ----
    /// y[columns][rows] = the transpose of x[rows][columns].
    void (*transpose)(float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx, ptrdiff_t rows,
                      ptrdiff_t columns);
    /// Packs rows k_begin ..< k_end of x[k][n] as f32 or bf16 weights [n, k]: the transpose of x
    /// without transposing. `x` points at row k_begin.
    void (*pack_columns)(sk_type type, void *packed, const float *x, ptrdiff_t ldx, ptrdiff_t n,
                         ptrdiff_t k_begin, ptrdiff_t k_end, ptrdiff_t k);
    /// Adds to dx and dweight (and dbias) what rows of c contribute. Rows are contiguous.
    void (*rms_norm_backward)(float *dx, float *dweight, const float *dy, const float *x,
                              const float *weight, ptrdiff_t rows, ptrdiff_t c, float epsilon);
    void (*layer_norm_backward)(float *dx, float *dweight, float *dbias, const float *dy,
                                const float *x, const float *weight, ptrdiff_t rows, ptrdiff_t c,
                                float epsilon);
    /// Sets dx[r, 2c] from dy[r, c] for rows of [gate | up].
    void (*silu_gate_backward)(float *dx, const float *dy, const float *x, ptrdiff_t rows,
                               ptrdiff_t c);
    void (*gelu_tanh_backward)(float *dx, const float *dy, const float *x, ptrdiff_t n);
    void (*gelu_erf_backward)(float *dx, const float *dy, const float *x, ptrdiff_t n);
    /// The loss of one row of logits, which becomes its own gradient.
    double (*cross_entropy)(float *x, ptrdiff_t n, ptrdiff_t target, const sk_cross_entropy *rule);
    /// Floats of scratch that one call of the next two needs.
    ptrdiff_t (*attention_scratch)(ptrdiff_t rows, ptrdiff_t head_dim);
    /// One key-value head with its group of query heads: y and totals. Like the way back, it never
    /// holds more scores than one block.
    void (*attention_forward)(const sk_attention_learning *args, ptrdiff_t kv_head);
    /// The same head's part of dx, from y, totals and dy.
    void (*attention_backward)(const sk_attention_learning *args, ptrdiff_t kv_head);
    /// w, m and v after one step; the gradient becomes zeros.
    void (*adamw)(float *w, float *m, float *v, float *gradient, ptrdiff_t n, const sk_adamw *rule);

    // ---- recurrences (scan/) ----
    /// Blocks block_begin ..< block_end of channels.
    void (*scan)(const sk_scan *args, ptrdiff_t block_begin, ptrdiff_t block_end);
    /// Puts rows behind others: later += 2^(steps * decay) * earlier, where `later` is the state
    /// that the later rows alone lead to from zeros and `steps` the sum of their steps.
    void (*scan_append)(float *later, const float *earlier, const float *decay, const float *steps,
                        ptrdiff_t states, ptrdiff_t blocks);
    ptrdiff_t (*scan_scratch)(ptrdiff_t rows, ptrdiff_t states, ptrdiff_t blocks);
    void (*scan_backward)(const sk_scan_backward *args, ptrdiff_t block_begin, ptrdiff_t block_end);
    void (*convolve)(const sk_convolution *args, ptrdiff_t row_begin, ptrdiff_t row_end);
    /// channel_begin is a multiple of SK_SCAN_BLOCK; channel_end is one too, or all channels.
    void (*convolve_backward)(const sk_convolution_backward *args, ptrdiff_t channel_begin,
                              ptrdiff_t channel_end);
} sk_kernels;

/// The table of a level, or NULL when it is not compiled in or this processor lacks it.
const sk_kernels *_Nullable sk_kernels_for(sk_isa isa);
/// The best level of this processor.
sk_isa sk_best_isa(void);

/// Bytes of one block and values in one block of a type in its file layout; 0 when unknown.
size_t sk_block_bytes(sk_type type);
ptrdiff_t sk_block_values(sk_type type);

#pragma clang assume_nonnull end
#endif
