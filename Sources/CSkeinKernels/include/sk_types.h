#ifndef SK_TYPES_H
#define SK_TYPES_H

#include <stddef.h>
#include <stdint.h>

/// Marks structs whose values may cross threads in Swift.
#if defined(__clang__)
#define SK_SENDABLE __attribute__((swift_attr("@Sendable")))
#else
#define SK_SENDABLE
#endif

#pragma clang assume_nonnull begin

/// Element and block types, numbered as GGUF numbers them.
typedef int32_t sk_type;
enum {
    SK_F32 = 0,
    SK_F16 = 1,
    SK_Q4_0 = 2,
    SK_Q4_1 = 3,
    SK_Q5_0 = 6,
    SK_Q5_1 = 7,
    SK_Q8_0 = 8,
    SK_Q4_K = 12,
    SK_Q5_K = 13,
    SK_Q6_K = 14,
    SK_BF16 = 30,
    SK_GROUPED = 0x10000, ///< a family of types: see sk_grouped_type
};

/// Weights `scale * code (+ minimum)` with one binary16 scale for each group of a row's values,
/// beside a few outliers that are kept whole. The codes of `bits` = 2 to 6 or 8 bits are unsigned,
/// 2^(bits - 1) means 0. `shift` gives the groups: 32 << shift values for 0 to 2, whole rows for
/// SK_GROUPED_ROW. `has_min` adds one binary16 minimum a group; for up to 5 bits.
enum { SK_GROUPED_ROW = 15 };
static inline sk_type sk_grouped_type(int32_t bits, int32_t shift, int32_t has_min) {
    return SK_GROUPED | bits | has_min << 4 | shift << 8;
}

/// Instruction-set levels; each has a full table of kernels.
typedef int32_t sk_isa;
enum {
    SK_ISA_PORTABLE = 0,
    SK_ISA_AVX2 = 1,        ///< AVX2 + FMA + F16C
    SK_ISA_AVX512 = 2,      ///< AVX-512 F, BW, DQ, VL, VNNI
    SK_ISA_NEON = 3,        ///< AArch64 with dot-product instructions
    SK_ISA_AVX512_BF16 = 4, ///< the same as SK_ISA_AVX512, but products with bf16 weights use BF16
    SK_ISA_COUNT = 5,
};

/// Half-open range of logical keys [begin, end), counted in reading order.
typedef struct sk_range {
    int32_t begin, end;
} sk_range;

/// `count` consecutive tokens of keys and values; tokens lie `key_stride` elements apart.
typedef struct sk_kv_run {
    const void *keys;
    const void *values;
    int32_t count;
} sk_kv_run;

/// One ragged segment's attention. Row i of the segment sees the logical keys of its ranges
/// `ranges[range_offsets[i] ..< range_offsets[i + 1]]` (ascending, disjoint); logical key numbers
/// run through `runs` in reading order. Visible keys are reduced in tiles of SK_ATTENTION_TILE
/// counted among the row's VISIBLE keys, so a row's bits depend neither on pages, nor on hidden
/// keys between, nor on the other rows.
typedef struct sk_attention {
    const float *q; ///< [rows][heads][head_dim], rows q_stride floats apart
    ptrdiff_t q_stride;
    float *out; ///< [rows][heads][head_dim], rows out_stride floats apart
    ptrdiff_t out_stride;
    int32_t heads, kv_heads, head_dim;
    sk_type kv_type;      ///< SK_F32, SK_F16 or SK_BF16
    ptrdiff_t key_stride; ///< elements from one token to the next; head h starts at h * head_dim
    float scale;          ///< multiplies q·k
    float soft_cap;       ///< 0: none; else scores become cap * tanh(score / cap)
    const sk_kv_run *runs;
    int32_t run_count;
    const int32_t *range_offsets; ///< rows + 1
    const sk_range *ranges;
    /// [rows][heads][2]: the largest score and the sum of e^(score - largest), so that a row's
    /// answers over parts of its keys can be put together
    float *_Nullable tallies;
} sk_attention;

enum { SK_ATTENTION_TILE = 64, SK_TILE_N = 16 };

/// Weights of a grouped matrix that are kept whole, on top of their codes, which mean 0.
///
/// A panel is SK_OUTLIER_PANEL inputs wide. The entries of tile t and panel p, starts[t * panels +
/// p] up to the next start, lie in the order of their columns: a bfloat16 value in the upper half,
/// the output within the tile in bits 12 to 15, the input within the panel below.
typedef struct sk_outliers {
    const uint32_t *starts;
    const uint32_t *entries;
} sk_outliers;

enum { SK_OUTLIER_PANEL = 4096 };

/// Rows of a grouped matrix in their file layout.
typedef struct sk_grouped_rows {
    const uint8_t *codes;  ///< `bits` each, lowest bits first, rows of (k * bits + 7) / 8 bytes
    const uint8_t *scales; ///< binary16, one a group
    const uint8_t *_Nullable minimums; ///< likewise, of types that have them
} sk_grouped_rows;

/// Arguments of one matrix product Y[rows, n] = X[rows, k] · W[n, k]ᵀ, for outputs n_begin ..<
/// n_end.
typedef struct sk_matmul {
    sk_type type;            ///< of the packed weights
    const void *weights;     ///< as `pack` wrote them
    const void *activations; ///< as `prepare` wrote them; row r at r * activation_bytes(type, k)
    float *y;
    ptrdiff_t ldy; ///< floats from one row of y to the next
    ptrdiff_t rows, n, k;
    ptrdiff_t n_begin, n_end;    ///< n_begin is a multiple of SK_TILE_N; n_end is one too, or n
    const float *_Nullable bias; ///< [n], added to the product
    int32_t accumulate;          ///< nonzero: y += product (+ bias) instead of y = product (+ bias)
    const sk_outliers *_Nullable outliers; ///< of grouped weights
} sk_matmul;

/// A sparse product and what follows it, row by row: y = s A x + o x + a p + b q, then sum += c y.
/// A lies in compressed sparse rows; all dense matrices are row-major with `width` values a row.
typedef struct sk_sparse {
    const int64_t *offsets;
    const int32_t *targets;
    const float *_Nullable values; ///< of A; ones without them
    const float *x;
    const uint16_t *_Nullable halves; ///< x in binary16; then the product is taken from these
    ptrdiff_t width;                  ///< a multiple of 8
    float *y;                         ///< may be p, q or sum's own matrix, but not x
    uint16_t *_Nullable y_halves;     ///< y once more, rounded to binary16
    const float *_Nullable scale;     ///< s, one a row; ones without it
    const float *_Nullable own;       ///< o, one a row; zeros without it
    const float *_Nullable first;     ///< p
    const float *_Nullable second;    ///< q
    float *_Nullable sum;
    float first_factor, second_factor, sum_factor; ///< a, b, c
} sk_sparse;

/// A symmetric scale of codes and its squared error.
typedef struct sk_scale_fit {
    float scale; ///< a binary16 number; code -2^(bits - 1) lies on the side of the extreme value
    float error; ///< sum of (x - scale * code)²
} sk_scale_fit;

/// value = scale * (unsigned code - 2^(bits - 1)) + minimum, both binary16 numbers.
typedef struct sk_affine_fit {
    float scale, minimum;
} sk_affine_fit;

/// What a scale's error and its gradient are made of.
typedef struct sk_code_sums {
    float products; ///< sum of x * code
    float squares;  ///< sum of code²
    float error;    ///< sum of (x - scale * code)²
} sk_code_sums;

/// How a row of logits is judged.
typedef struct sk_cross_entropy {
    float smoothing; ///< the share of the target that is spread over all outputs
    float z_weight;  ///< weight of the square of log(sum(exp(x)))
    float scale;     ///< multiplies the gradient, not the loss
} sk_cross_entropy;

/// One ragged segment's attention while it learns, there and back. Queries, keys and values lie
/// side by side in rows of `x`, and so do their gradients in `dx`, which the way back sets for its
/// heads. Ranges are those of sk_attention, without a past.
typedef struct sk_attention_learning {
    const float *x; ///< rows of [heads | kv_heads | kv_heads] heads, x_stride floats apart
    ptrdiff_t x_stride;
    float *y;                  ///< what attention gives, [rows][heads][head_dim], contiguous
    float *totals;             ///< [rows][heads]: the log of the sum of the scores' exponentials
    const float *_Nullable dy; ///< the gradient of y, likewise; only on the way back
    float *_Nullable dx;       ///< the gradient of x, rows x_stride floats apart
    ptrdiff_t rows;
    int32_t heads, kv_heads, head_dim;
    float scale;
    const int32_t *range_offsets; ///< rows + 1
    const sk_range *ranges;
    float *scratch; ///< attention_scratch(rows, head_dim) floats
} sk_attention_learning;

/// Channels that a scan's states and decays keep together: both are
/// [blocks][states][SK_SCAN_BLOCK], what lies beyond the last channel is zero.
enum { SK_SCAN_BLOCK = 16 };

/// The selective scan of one segment (Gu and Dao 2023, arXiv:2312.00752, section 3), fused with
/// what surrounds it. With step = softplus(`step`), for every channel and state
///     state = 2^(step * decay) * state + step * in * x
/// and y = (sum over states of out * state + skip * x) * silu(gate). Rows run in order, so a
/// segment cut anywhere gives the same bits.
typedef struct sk_scan {
    const float *x;              ///< [rows][channels], rows ld_x floats apart; likewise below
    const float *step;           ///< [rows][channels], before softplus
    const float *in, *out;       ///< [rows][states], both ld_in apart
    const float *_Nullable gate; ///< [rows][channels]
    const float *decay;          ///< A log2(e), in blocks
    const float *skip;           ///< [channels]
    const float *_Nullable past; ///< the state before the first row, in blocks; NULL: zeros
    float *next;                 ///< the state after the last row; may be `past`
    float *_Nullable y;          ///< [rows][channels]; NULL where only the state is wanted
    float *_Nullable steps;      ///< [blocks][SK_SCAN_BLOCK], the sum of all rows' steps
    ptrdiff_t ld_x, ld_step, ld_in, ld_gate, ld_y;
    ptrdiff_t rows, channels, states;
} sk_scan;

/// The scan on the way back. All gradients are added to; `forward.next` and `.y` are not used.
typedef struct sk_scan_backward {
    sk_scan forward;
    const float *dy;
    float *dx, *dstep;
    float *din, *dout; ///< both ld_din apart; sums over the channels of the call
    float *_Nullable dgate;
    float *ddecay;  ///< by A, not by decay, in blocks
    float *dskip;   ///< [channels]
    float *scratch; ///< scan_scratch(rows, states, blocks of the call) floats, aligned to 64 bytes
    ptrdiff_t ld_dy, ld_dx, ld_dstep, ld_din, ld_dgate;
} sk_scan_backward;

/// y = silu(bias + sum over taps j of weight[j] * x[row - taps + 1 + j]), channel by channel.
typedef struct sk_convolution {
    const float *x;              ///< [rows][channels], rows ld_x floats apart
    const float *weight;         ///< [taps][channels]
    const float *_Nullable bias; ///< [channels]
    const float *_Nullable past; ///< the taps - 1 rows before the first, [taps - 1][channels]
    float *y;
    ptrdiff_t ld_x, ld_y;
    ptrdiff_t rows, channels, taps;
} sk_convolution;

/// The convolution on the way back. All gradients are added to; `forward.y` is not used.
typedef struct sk_convolution_backward {
    sk_convolution forward;
    const float *dy;
    float *dx;
    float *dweight;         ///< [taps][channels]
    float *_Nullable dbias; ///< [channels]
    ptrdiff_t ld_dy, ld_dx;
} sk_convolution_backward;

/// One step of AdamW over values and their moments.
typedef struct sk_adamw {
    float rate, beta1, beta2, epsilon, decay;
    float correction1, correction2; ///< 1 - beta^step
    float gradient_scale;           ///< multiplies gradients first
} sk_adamw;

#pragma clang assume_nonnull end
#endif
