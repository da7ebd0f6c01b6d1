// Compares one level's kernels of all families but matmul with the portable ones, and checks that
// values do not depend on their place and rows not on their company.
// Used by check-isa.sh, which compiles it for levels this processor may lack.
//   check-kernels LEVEL      (0 portable, 1 AVX2, 2 AVX-512, 3 NEON)

#include "../Sources/CSkeinKernels/matmul/matmul.h"
#include "check-support.h"

#include <math.h>
#include <stdio.h>

// Products have their own check.
void sk_fill_matmul(sk_kernels *table) { (void)table; }

static sk_kernels portable, level;
static int failures, checks;

enum { MOST = 20000 };

static const ptrdiff_t sizes[] = {0,  1,  3,  4,  5,  7,  8,  9,   15,  16,
                                  17, 31, 32, 33, 63, 64, 65, 100, 576, 1001};
enum { SIZES = sizeof sizes / sizeof *sizes };

static void fill(float *x, ptrdiff_t n, float scale) {
    for (ptrdiff_t i = 0; i < n; i++) {
        x[i] = scale * uniform();
    }
}

static float *some(ptrdiff_t n, float scale) {
    float *x = take((size_t)n * sizeof *x);
    fill(x, n, scale);
    return x;
}

static void expect(int holds, const char *what, ptrdiff_t size) {
    checks++;
    if (!holds) {
        failures++;
        printf("%s of %td: wrong\n", what, size);
    }
}

static void same(const void *a, const void *b, size_t bytes, const char *what, ptrdiff_t size) {
    expect(memcmp(a, b, bytes) == 0, what, size);
}

/// The normalised squared error is at most `tolerance`.
static void near(const float *got, const float *want, ptrdiff_t n, double tolerance,
                 const char *what, ptrdiff_t size) {
    double error = 0, power = 1e-30;
    for (ptrdiff_t i = 0; i < n; i++) {
        error += ((double)got[i] - (double)want[i]) * ((double)got[i] - (double)want[i]);
        power += (double)want[i] * (double)want[i];
    }
    checks++;
    if (!(error <= tolerance * power)) {
        failures++;
        printf("%s of %td: off by %g\n", what, size, error / power);
    }
}

// ---- element-wise ----

typedef void map(float *y, const float *x, ptrdiff_t n);

static void check_map(map *got, map *want, const char *what) {
    float *x = some(MOST, 20), *y = take(MOST * 4), *z = take(MOST * 4);
    want(z, x, MOST);
    for (int s = 0; s < SIZES; s++) {
        got(y, x, sizes[s]);
        near(y, z, sizes[s], 1e-11, what, sizes[s]);
    }
    got(y, x, MOST);
    for (ptrdiff_t i = 0; i < MOST; i += 997) {
        float alone;
        got(&alone, x + i, 1);
        same(&alone, y + i, 4, what, 1);
    }
    free(x), free(y), free(z);
}

static void check_rows(void) {
    enum { ROWS = 3 };
    float *x = some(MOST, 3), *w = some(MOST, 1), *b = some(MOST, 1);
    float *y = take(MOST * 4), *z = take(MOST * 4);
    for (int s = 0; s < SIZES; s++) {
        const ptrdiff_t n = sizes[s], all = ROWS * n;
        level.add(y, x, w, n), portable.add(z, x, w, n);
        same(y, z, (size_t)n * 4, "add", n);
        level.multiply(y, x, w, n), portable.multiply(z, x, w, n);
        same(y, z, (size_t)n * 4, "multiply", n);
        level.scale(y, x, 0.3f, n), portable.scale(z, x, 0.3f, n);
        same(y, z, (size_t)n * 4, "scale", n);
        level.silu_gate(y, n, x, 2 * n, ROWS, n), portable.silu_gate(z, n, x, 2 * n, ROWS, n);
        near(y, z, all, 1e-11, "silu_gate", n);
        level.gelu_gate(y, n, x, 2 * n, ROWS, n), portable.gelu_gate(z, n, x, 2 * n, ROWS, n);
        near(y, z, all, 1e-11, "gelu_gate", n);
        level.softmax(y, x, n), portable.softmax(z, x, n);
        near(y, z, n, 1e-11, "softmax", n);
        const float sum = level.log_sum_exp(x, n), other = portable.log_sum_exp(x, n);
        expect(n == 0 ? sum == -INFINITY : fabsf(sum - other) < 1e-5f, "log_sum_exp", n);
        expect(level.argmax(x, n) == portable.argmax(x, n), "argmax", n);
        expect(level.all_finite(x, n), "all_finite", n);
        const ptrdiff_t keep = n < 13 ? n : 13;
        int32_t places[2][13];
        float largest[2][13];
        level.select_largest(places[0], largest[0], keep, x, n);
        portable.select_largest(places[1], largest[1], keep, x, n);
        same(places[0], places[1], (size_t)keep * 4, "select_largest", n);
        same(largest[0], largest[1], (size_t)keep * 4, "select_largest", n);
        if (n == 0) {
            continue;
        }
        level.rms_norm(y, n, x, n, w, ROWS, n, 1e-5f);
        portable.rms_norm(z, n, x, n, w, ROWS, n, 1e-5f);
        near(y, z, all, 1e-11, "rms_norm", n);
        level.rms_norm(z, n, x + n, n, w, 1, n, 1e-5f);
        same(z, y + n, (size_t)n * 4, "rms_norm alone", n);
        for (int with = 0; with < 2; with++) {
            level.layer_norm(y, n, x, n, w, with ? b : NULL, ROWS, n, 1e-5f);
            portable.layer_norm(z, n, x, n, w, with ? b : NULL, ROWS, n, 1e-5f);
            near(y, z, all, 1e-9, "layer_norm", n);
        }
        const float kept = x[n - 1];
        x[n - 1] = NAN;
        expect(level.argmax(x, n) == portable.argmax(x, n), "argmax beside NaN", n);
        expect(!level.all_finite(x, n), "all_finite of NaN", n);
        x[n - 1] = kept;
    }
    for (ptrdiff_t half = 1; half <= 65; half += half < 20 ? 1 : 15) {
        for (int32_t way = 0; way < 2; way++) {
            const ptrdiff_t dim = 2 * half + 3, ld = 2 * dim + 1;
            memcpy(y, x, MOST * 4), memcpy(z, x, MOST * 4);
            level.rotary(y, ld, w, b, 3, 2, dim, half, way);
            portable.rotary(z, ld, w, b, 3, 2, dim, half, way);
            near(y, z, MOST, 1e-12, way ? "rotary of neighbours" : "rotary of halves", half);
        }
    }
    free(x), free(w), free(b), free(y), free(z);
}

static void check_elementwise(void) {
    check_map(level.silu, portable.silu, "silu");
    check_map(level.gelu_erf, portable.gelu_erf, "gelu_erf");
    check_map(level.gelu_tanh, portable.gelu_tanh, "gelu_tanh");
    check_map(level.exp, portable.exp, "exp");
    check_map(level.tanh, portable.tanh, "tanh");
    check_rows();
}

// ---- rows of other types ----

static void check_convert(void) {
    static const sk_type types[] = {SK_F32,  SK_F16,  SK_BF16, SK_Q4_0, SK_Q4_1, SK_Q5_0,
                                    SK_Q5_1, SK_Q8_0, SK_Q4_K, SK_Q5_K, SK_Q6_K};
    static const sk_type narrow[] = {SK_F32, SK_F16, SK_BF16};
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        const ptrdiff_t block = sk_block_values(types[t]);
        for (int s = 0; s < SIZES; s++) {
            const ptrdiff_t k = block == 1 ? sizes[s] : block * (s % 4);
            uint8_t *row = take((size_t)k * 4);
            float *y = take((size_t)k * 4), *z = take((size_t)k * 4);
            make_row(types[t], row, k);
            level.dequantize(types[t], y, row, k), portable.dequantize(types[t], z, row, k);
            same(y, z, (size_t)k * 4, "dequantize", types[t]);
            free(row), free(y), free(z);
        }
    }
    float *x = take(MOST * 4), *y = take(MOST * 4), *z = take(MOST * 4);
    for (ptrdiff_t i = 0; i < MOST; i++) {
        const uint32_t bits = (uint32_t)next();
        memcpy(x + i, &bits, 4);
    }
    for (size_t t = 0; t < sizeof narrow / sizeof *narrow; t++) {
        for (int s = 0; s < SIZES; s++) {
            level.narrow(narrow[t], y, x + s, sizes[s]),
                portable.narrow(narrow[t], z, x + s, sizes[s]);
            same(y, z, (size_t)sizes[s] * 4, "narrow", narrow[t]);
        }
        level.narrow(narrow[t], y, x, MOST), portable.narrow(narrow[t], z, x, MOST);
        same(y, z, MOST * 4, "narrow", narrow[t]);
    }
    free(x), free(y), free(z);
}

// ---- attention ----

enum { KEYS = 150, ROWS = 9 };

static void check_attention(sk_type type, int32_t dim, int32_t kv_heads, int32_t group, float cap) {
    const int32_t heads = kv_heads * group, width = kv_heads * dim;
    const ptrdiff_t columns = (ptrdiff_t)heads * dim, all = ROWS * columns;
    float *q = some(all, 1), *y = take((size_t)all * 4), *z = take((size_t)all * 4);
    float *wide = some(2 * KEYS * width, 1);
    uint8_t *kv = take(2 * KEYS * (size_t)width * 4);
    portable.narrow(type, kv, wide, 2 * KEYS * width);
    const ptrdiff_t bytes = (ptrdiff_t)sk_block_bytes(type),
                    values = (ptrdiff_t)KEYS * width * bytes;
    const sk_kv_run runs[] = {
        {kv, kv + values, 70},
        {kv + 70 * width * bytes, kv + values + 70 * width * bytes, KEYS - 70}};
    int32_t offsets[ROWS + 1] = {0};
    sk_range ranges[2 * ROWS];
    int32_t count = 0;
    for (int32_t r = 0; r < ROWS; r++) {
        if (r % 4 == 3) {
            ranges[count++] = (sk_range){3, 3 + 7 * r};
            ranges[count++] = (sk_range){90, 91 + r};
        } else if (r != 5) { // which sees nothing
            ranges[count++] = (sk_range){r == 2 ? 60 : 0, KEYS - ROWS + r + 1};
        }
        offsets[r + 1] = count;
    }
    sk_attention args = {q,     columns, y,   columns, heads, kv_heads, dim,    type,
                         width, 0.3f,    cap, runs,    2,     offsets,  ranges, NULL};
    level.attention(&args, 0, ROWS, 0, kv_heads);
    args.out = z;
    portable.attention(&args, 0, ROWS, 0, kv_heads);
    near(y, z, all, 1e-11, "attention", dim);
    for (ptrdiff_t r = 0; r < ROWS; r++) {
        for (ptrdiff_t h = 0; h < kv_heads; h++) {
            level.attention(&args, r, r + 1, h, h + 1);
        }
    }
    same(y, z, (size_t)all * 4, "attention alone", dim);
    free(q), free(y), free(z), free(wide), free(kv);
}

static void check_attentions(void) {
    static const sk_type types[] = {SK_F32, SK_F16, SK_BF16};
    static const int32_t dims[] = {3, 4, 8, 20, 64, 80, 128, 260};
    for (size_t t = 0; t < 3; t++) {
        for (size_t d = 0; d < sizeof dims / sizeof *dims; d++) {
            check_attention(types[t], dims[d], 2, 1, 0);
            check_attention(types[t], dims[d], 1, 3, 0);
            check_attention(types[t], dims[d], 1, 5, 2);
        }
    }
}

// ---- quantisation: the same bits at every level ----

static void check_quantize(void) {
    static const int32_t bits[] = {2, 3, 4, 8};
    float *x = some(MOST, 1);
    for (size_t b = 0; b < 4; b++) {
        for (int s = 1; s < SIZES; s++) {
            const ptrdiff_t n = sizes[s];
            double sums[2][4];
            sk_scale_fit fits[2];
            sk_code_sums codes[2];
            sk_affine_fit affine[2];
            uint8_t *encoded[2];
            for (int way = 0; way < 2; way++) {
                const sk_kernels *table = way == 0 ? &level : &portable;
                encoded[way] = take((size_t)n);
                table->power_sums(sums[way], x + s, n);
                table->fit_scale(&fits[way], x + s, n, bits[b], 20, 0.5f);
                table->code_sums(&codes[way], x + s, n, bits[b], 0.1f);
                table->fit_half_quadratic(&affine[way], x + s, n, bits[b], 10);
                table->encode_codes(encoded[way], x + s, n, bits[b], 0.1f, 0.05f);
            }
            same(sums[0], sums[1], sizeof sums[0], "power_sums", n);
            same(&fits[0], &fits[1], sizeof fits[0], "fit_scale", n);
            same(&codes[0], &codes[1], sizeof codes[0], "code_sums", n);
            same(&affine[0], &affine[1], sizeof affine[0], "fit_half_quadratic", n);
            same(encoded[0], encoded[1], (size_t)n, "encode_codes", n);
            free(encoded[0]), free(encoded[1]);
        }
    }
    free(x);
}

// ---- graphs ----

static void check_graph(void) {
    enum { NODES = 12 };
    static const int32_t contexts[] = {3, 7, 1}, outputs[] = {0, 4, 2, 9, 8, 11, 5, 6, 10, 1, 3};
    for (ptrdiff_t width = 8; width <= 136; width += 8) {
        const ptrdiff_t all = NODES * width;
        float *in[2], *out[2], *y[2];
        for (int way = 0; way < 2; way++) {
            in[way] = take((size_t)all * 4), out[way] = take((size_t)all * 4);
            y[way] = take((size_t)all * 4);
        }
        fill(in[0], all, 0.5f), fill(out[0], all, 0.5f);
        memcpy(in[1], in[0], (size_t)all * 4), memcpy(out[1], out[0], (size_t)all * 4);
        for (ptrdiff_t count = 1; count <= 11; count++) {
            level.skipgram(in[0], out[0], width, contexts, 3, outputs, count, 0.05f);
            portable.skipgram(in[1], out[1], width, contexts, 3, outputs, count, 0.05f);
        }
        near(in[0], in[1], all, 1e-11, "skipgram, contexts", width);
        near(out[0], out[1], all, 1e-11, "skipgram, outputs", width);
        int64_t offsets[NODES + 1] = {0};
        int32_t targets[NODES * NODES];
        float values[NODES * NODES];
        for (ptrdiff_t r = 0; r < NODES; r++) {
            offsets[r + 1] = offsets[r] + r;
            for (ptrdiff_t e = 0; e < r; e++) {
                targets[offsets[r] + e] = (int32_t)(next() % NODES);
                values[offsets[r] + e] = uniform();
            }
        }
        uint16_t *halves = take((size_t)all * 2), *y_halves[2];
        level.narrow(SK_F16, halves, in[0], all);
        float *sum[2];
        for (int way = 0; way < 2; way++) {
            sum[way] = take((size_t)all * 4), y_halves[way] = take((size_t)all * 2);
            memset(sum[way], 0, (size_t)all * 4);
        }
        for (int with = 0; with < 4; with++) {
            for (int way = 0; way < 2; way++) {
                sk_sparse args = {.offsets = offsets,
                                  .targets = targets,
                                  .values = with & 1 ? values : NULL,
                                  .x = in[0],
                                  .halves = with & 2 ? halves : NULL,
                                  .width = width,
                                  .y = y[way],
                                  .y_halves = with & 2 ? y_halves[way] : NULL,
                                  .scale = with & 2 ? values + 8 : NULL,
                                  .own = with & 2 ? values + 20 : NULL,
                                  .first = with & 2 ? out[0] : NULL,
                                  .second = with & 2 ? in[0] : NULL,
                                  .sum = with & 2 ? sum[way] : NULL,
                                  .first_factor = 0.5f,
                                  .second_factor = -0.25f,
                                  .sum_factor = 2};
                (way == 0 ? &level : &portable)->sparse_times_dense(&args, 0, NODES);
            }
            near(y[0], y[1], all, 1e-11, "sparse_times_dense", width);
            near(sum[0], sum[1], all, 1e-11, "sparse_times_dense, sum", width);
        }
        const ptrdiff_t p = width, q = 8 + width % 24;
        float *a = some(300 * p, 1), *b = some(300 * q, 1), *w = some(p * q, 1);
        double *grams[2];
        float *narrow[2], *tall[2];
        for (int way = 0; way < 2; way++) {
            const sk_kernels *table = way == 0 ? &level : &portable;
            grams[way] = take((size_t)(p * (p + q)) * 8);
            narrow[way] = take((size_t)(p * (p + q)) * 4);
            tall[way] = take((size_t)(33 * q) * 4);
            table->gram(grams[way], a, p, b, q, 300);
            for (ptrdiff_t i = 0; i < p * q; i++) {
                narrow[way][i] = (float)grams[way][i];
            }
            table->tall_times_small(tall[way], a, p, w, q, 33);
        }
        near(narrow[0], narrow[1], p * q, 1e-11, "gram", width);
        near(tall[0], tall[1], 33 * q, 1e-11, "tall_times_small", width);
        for (int way = 0; way < 2; way++) {
            memset(grams[way], 0, (size_t)(p * p) * 8);
            (way == 0 ? &level : &portable)->gram(grams[way], a, p, a, p, 300);
            for (ptrdiff_t i = 0; i < p * p; i++) {
                narrow[way][i] = (float)grams[way][i];
            }
        }
        near(narrow[0], narrow[1], p * p, 1e-11, "gram with itself", width);
        for (int way = 0; way < 2; way++) {
            free(in[way]), free(out[way]), free(y[way]), free(grams[way]), free(narrow[way]);
            free(tall[way]);
        }
        free(a), free(b), free(w);
    }
}

// ---- learning ----

static void check_learning_rows(ptrdiff_t n) {
    enum { DEEP = 3 };
    const ptrdiff_t all = DEEP * n;
    float *x = some(2 * all, 2), *dy = some(all, 1), *w = some(n, 1);
    float *dx[2], *dw[2], *db[2];
    for (int way = 0; way < 2; way++) {
        dx[way] = take((size_t)(2 * all) * 4), dw[way] = take((size_t)n * 4);
        db[way] = take((size_t)n * 4);
    }
    const sk_kernels *const tables[2] = {&level, &portable};
#define BOTH(call)                                                                                 \
    for (int i = 0; i < 2; i++) {                                                                  \
        const sk_kernels *t = tables[i];                                                           \
        call;                                                                                      \
    }
    BOTH(t->rms_norm_backward(dx[i], dw[i], dy, x, w, DEEP, n, 1e-5f))
    near(dx[0], dx[1], all, 1e-9, "rms_norm_backward", n);
    near(dw[0], dw[1], n, 1e-9, "rms_norm_backward, weight", n);
    if (n > 3) {
        BOTH(t->layer_norm_backward(dx[i], dw[i], db[i], dy, x, w, DEEP, n, 1e-5f))
        near(dx[0], dx[1], all, 1e-9, "layer_norm_backward", n);
        near(dw[0], dw[1], n, 1e-9, "layer_norm_backward, weight", n);
        near(db[0], db[1], n, 1e-9, "layer_norm_backward, bias", n);
    }
    BOTH(t->silu_gate_backward(dx[i], dy, x, DEEP, n))
    near(dx[0], dx[1], 2 * all, 1e-10, "silu_gate_backward", n);
    BOTH(t->gelu_tanh_backward(dx[i], dy, x, n))
    near(dx[0], dx[1], n, 1e-10, "gelu_tanh_backward", n);
    BOTH(t->gelu_erf_backward(dx[i], dy, x, n))
    near(dx[0], dx[1], n, 1e-10, "gelu_erf_backward", n);
    const sk_cross_entropy rule = {0.1f, 0.01f, 0.5f};
    double loss[2];
    BOTH(memcpy(dx[i], x, (size_t)n * 4); loss[i] = t->cross_entropy(dx[i], n, n / 2, &rule))
    near(dx[0], dx[1], n, 1e-9, "cross_entropy", n);
    expect(fabs(loss[0] - loss[1]) < 1e-5, "cross_entropy, loss", n);
    const sk_adamw step = {0.1f, 0.9f, 0.95f, 1e-8f, 0.1f, 0.1f, 0.05f, 0.5f};
    float *gradient = take((size_t)n * 4);
    BOTH(memcpy(dx[i], x, (size_t)n * 4); memset(dx[i] + n, 0, (size_t)n * 4);
         memset(db[i], 0, (size_t)n * 4); memcpy(gradient, dy, (size_t)n * 4);
         t->adamw(dx[i], dx[i] + n, db[i], gradient, n, &step))
    free(gradient);
    same(dx[0], dx[1], (size_t)n * 8, "adamw", n);
    for (ptrdiff_t rows = 1; rows <= 20 && n <= 33; rows += 6) {
        BOTH(t->transpose(dx[i], DEEP, x, n, DEEP, n))
        same(dx[0], dx[1], (size_t)all * 4, "transpose", n);
    }
    for (int way = 0; way < 2; way++) {
        free(dx[way]), free(dw[way]), free(db[way]);
    }
    free(x), free(dy), free(w);
}

static void check_transposes(void) {
    void (*const pack)(sk_type, void *, const void *, size_t, ptrdiff_t, ptrdiff_t, ptrdiff_t,
                       ptrdiff_t) = sk_tiles_abreast(level.isa) == 1 ? sk_pack : sk_pack_abreast;
    for (ptrdiff_t rows = 1; rows <= 35; rows += 1 + rows / 8) {
        for (ptrdiff_t columns = 1; columns <= 90; columns += 1 + columns / 8) {
            float *x = some(rows * columns, 1), *y[2];
            const ptrdiff_t tiles = (columns + 15) / 16;
            for (int i = 0; i < 2; i++) {
                const sk_kernels *t = i == 0 ? &level : &portable;
                y[i] = take((size_t)(rows * tiles * 16) * 4);
                t->transpose(y[i], rows, x, columns, rows, columns);
            }
            same(y[0], y[1], (size_t)(rows * columns) * 4, "transpose", rows);
            // Against packing the transpose.
            float *turned = take((size_t)(rows * columns) * 4);
            portable.transpose(turned, rows, x, columns, rows, columns);
            level.pack_columns(SK_F32, y[0], x, columns, columns, 0, rows, rows);
            pack(SK_F32, y[1], turned, (size_t)rows * 4, 0, columns, columns, rows);
            same(y[0], y[1], (size_t)(rows * tiles * 16) * 4, "pack_columns", rows);
            // In two calls, which share a pair of rows where the first ends at an odd one.
            const ptrdiff_t half = rows / 2, bytes = (rows + 1) / 2 * tiles * 16 * 4;
            uint16_t *narrow = take((size_t)(rows * columns) * 2);
            memset(y[0], 0x5a, (size_t)bytes), memset(y[1], 0xa5, (size_t)bytes);
            level.pack_columns(SK_BF16, y[0], x, columns, columns, 0, half, rows);
            level.pack_columns(SK_BF16, y[0], x + half * columns, columns, columns, half, rows,
                               rows);
            portable.narrow(SK_BF16, narrow, turned, rows * columns);
            pack(SK_BF16, y[1], narrow, (size_t)rows * 2, 0, columns, columns, rows);
            same(y[0], y[1], (size_t)bytes, "pack_columns bf16", rows);
            free(x), free(y[0]), free(y[1]), free(turned), free(narrow);
        }
    }
}

static void check_attention_backward(ptrdiff_t rows, int32_t dim, int32_t kv_heads, int32_t group) {
    const int32_t heads = kv_heads * group, wide = (heads + 2 * kv_heads) * dim;
    const ptrdiff_t columns = (ptrdiff_t)heads * dim;
    float *x = some(rows * wide, 1), *dy = some(rows * columns, 1);
    float *y = take((size_t)(rows * columns) * 4), *dx[2];
    int32_t *offsets = take((size_t)(rows + 1) * 4);
    sk_range *ranges = take((size_t)rows * sizeof *ranges);
    for (int32_t r = 0; r < rows; r++) {
        ranges[r] = (sk_range){r > 70 ? 20 : 0, r + 1};
        offsets[r + 1] = r + 1;
    }
    float *totals = take((size_t)(rows * heads) * 4), *ys[2];
    for (int i = 0; i < 2; i++) {
        const sk_kernels *t = i == 0 ? &level : &portable;
        ys[i] = i == 0 ? take((size_t)(rows * columns) * 4) : y;
        dx[i] = take((size_t)(rows * wide) * 4);
        float *scratch = take((size_t)t->attention_scratch(rows, dim) * 4);
        const sk_attention_learning args = {.x = x,
                                            .x_stride = wide,
                                            .y = ys[i],
                                            .totals = totals,
                                            .dy = dy,
                                            .dx = dx[i],
                                            .rows = rows,
                                            .heads = heads,
                                            .kv_heads = kv_heads,
                                            .head_dim = dim,
                                            .scale = 0.3f,
                                            .range_offsets = offsets,
                                            .ranges = ranges,
                                            .scratch = scratch};
        for (ptrdiff_t h = 0; h < kv_heads; h++) {
            t->attention_forward(&args, h);
            t->attention_backward(&args, h);
        }
        free(scratch);
    }
    near(ys[0], ys[1], rows * columns, 1e-10, "attention_forward", dim);
    near(dx[0], dx[1], rows * wide, 1e-9, "attention_backward", dim);
    free(x), free(dy), free(y), free(ys[0]), free(totals), free(dx[0]), free(dx[1]);
    free(offsets), free(ranges);
}

static void check_learning(void) {
    for (int s = 1; s < SIZES; s++) {
        check_learning_rows(sizes[s]);
    }
    check_transposes();
    check_attention_backward(5, 8, 1, 2);
    check_attention_backward(130, 20, 2, 1);
    check_attention_backward(67, 64, 1, 3);
}

// ---- recurrences ----

static void check_scan(ptrdiff_t rows, ptrdiff_t channels, ptrdiff_t states) {
    const ptrdiff_t blocks = (channels + SK_SCAN_BLOCK - 1) / SK_SCAN_BLOCK;
    const ptrdiff_t held = blocks * SK_SCAN_BLOCK * states, all = rows * channels;
    float *x = some(all, 1), *step = some(all, 1), *gate = some(all, 1), *dy = some(all, 1);
    float *in = some(rows * states, 1), *out = some(rows * states, 1), *skip = some(channels, 1);
    float *decay = some(held, 1), *past = some(held, 1);
    for (ptrdiff_t i = 0; i < held; i++) {
        decay[i] = -fabsf(decay[i]) - 0.1f;
    }
    float *found[2][9];
    const ptrdiff_t lengths[9] = {all,           held, all,  all,     rows * states,
                                  rows * states, all,  held, channels};
    for (int i = 0; i < 2; i++) {
        const sk_kernels *t = i == 0 ? &level : &portable;
        float **f = found[i];
        for (int j = 0; j < 9; j++) {
            f[j] = take((size_t)lengths[j] * 4);
        }
        const sk_scan s = {x,        step,     in,   out,      gate,     decay,    skip,
                           past,     f[1],     f[0], NULL,     channels, channels, states,
                           channels, channels, rows, channels, states};
        t->scan(&s, 0, blocks);
        float *scratch = take((size_t)t->scan_scratch(rows, states, blocks) * 4);
        const sk_scan_backward back = {s,        dy,       f[2],     f[3],   f[4],
                                       f[5],     f[6],     f[7],     f[8],   scratch,
                                       channels, channels, channels, states, channels};
        t->scan_backward(&back, 0, blocks);
        free(scratch);
    }
    for (int j = 0; j < 9; j++) {
        near(found[0][j], found[1][j], lengths[j], 1e-9, "scan", j);
        free(found[0][j]), free(found[1][j]);
    }
    enum { TAPS = 4 };
    float *weight = some(TAPS * channels, 1), *bias = some(channels, 1);
    const ptrdiff_t sizes_of[4] = {all, all, TAPS * channels, channels};
    for (int i = 0; i < 2; i++) {
        const sk_kernels *t = i == 0 ? &level : &portable;
        float **f = found[i];
        for (int j = 0; j < 4; j++) {
            f[j] = take((size_t)sizes_of[j] * 4);
        }
        const sk_convolution c = {x,        weight,   bias, step,     f[0],
                                  channels, channels, rows, channels, TAPS};
        t->convolve(&c, 0, rows);
        const sk_convolution_backward back = {c, dy, f[1], f[2], f[3], channels, channels};
        t->convolve_backward(&back, 0, channels);
    }
    for (int j = 0; j < 4; j++) {
        near(found[0][j], found[1][j], sizes_of[j], 1e-9, "convolution", j);
        free(found[0][j]), free(found[1][j]);
    }
    free(x), free(step), free(gate), free(dy), free(in), free(out), free(skip), free(decay);
    free(past), free(weight), free(bias);
}

static void fill_families(sk_kernels *table, sk_isa isa) {
    table->isa = isa;
    sk_fill_convert(table);
    sk_fill_elementwise(table);
    sk_fill_attention(table);
    sk_fill_quantize(table);
    sk_fill_graph(table);
    sk_fill_learning(table);
    sk_fill_scan(table);
}

int main(int argc, char **argv) {
    fill_families(&portable, SK_ISA_PORTABLE);
    fill_families(&level, argc > 1 ? atoi(argv[1]) : SK_ISA_PORTABLE);
    expect(level.isa == SK_ISA_PORTABLE || level.exp != portable.exp, "the level", level.isa);
    check_elementwise();
    check_convert();
    check_attentions();
    check_quantize();
    check_graph();
    check_learning();
    check_scan(5, 16, 16);
    check_scan(70, 37, 5);
    printf("level %d: %d checks of other families, %d failures\n", level.isa, checks, failures);
    return failures != 0;
}
