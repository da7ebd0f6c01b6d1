// Compares one level's matrix products with the portable ones and with double precision, and checks
// that a row's bits depend neither on the other rows nor on the split of the outputs.
// Used by check-isa.sh, which compiles it for levels this processor may lack.
//   check-matmul LEVEL      (0 portable, 1 AVX2, 2 AVX-512, 3 NEON)

#include "check-support.h"

#include "../Sources/CSkeinKernels/matmul/matmul.h"

#include <stdio.h>

// The other families' kernels are not linked.
void sk_fill_convert(sk_kernels *table) { (void)table; }
void sk_fill_elementwise(sk_kernels *table) { (void)table; }
void sk_fill_attention(sk_kernels *table) { (void)table; }
void sk_fill_quantize(sk_kernels *table) { (void)table; }
void sk_fill_graph(sk_kernels *table) { (void)table; }
void sk_fill_learning(sk_kernels *table) { (void)table; }
void sk_fill_scan(sk_kernels *table) { (void)table; }

static double half(const uint8_t *p) { return sk_float_of_half(sk_load_u16(p)); }

/// Value i of a row in its file layout.
static double value_at(sk_type type, const uint8_t *row, ptrdiff_t i) {
    const ptrdiff_t values = sk_block_values(type);
    const uint8_t *b = row + (size_t)(i / values) * sk_block_bytes(type);
    const ptrdiff_t e = i % values;
    const int nibble_32 = b[(type == SK_Q4_0   ? 2
                             : type == SK_Q4_1 ? 4
                             : type == SK_Q5_0 ? 6
                                               : 8) +
                            (values == 32 ? e % 16 : 0)] >>
                              (e / 16 * 4 % 8) &
                          15;
    switch (type) {
    case SK_F32: {
        float v;
        memcpy(&v, b, 4);
        return v;
    }
    case SK_F16:
        return half(b);
    case SK_BF16:
        return sk_float_of_bfloat(sk_load_u16(b));
    case SK_Q8_0:
        return half(b) * (int8_t)b[2 + e];
    case SK_Q4_0:
        return half(b) * (nibble_32 - 8);
    case SK_Q4_1:
        return half(b) * nibble_32 + half(b + 2);
    case SK_Q5_0:
        return half(b) * ((nibble_32 | (b[2 + e / 8] >> e % 8 & 1) << 4) - 16);
    case SK_Q5_1:
        return half(b) * (nibble_32 | (b[4 + e / 8] >> e % 8 & 1) << 4) + half(b + 2);
    case SK_Q6_K: {
        const ptrdiff_t h = e / 128, l = e % 32, q = e % 128 / 32;
        const int low = b[64 * h + 32 * (q % 2) + l] >> (q / 2 * 4) & 15;
        const int high = b[128 + 32 * h + l] >> (2 * q) & 3;
        return half(b + 208) * (int8_t)b[192 + e / 16] * ((low | high << 4) - 32);
    }
    default: {
        const ptrdiff_t j = e / 32;
        const uint8_t *s = b + 4;
        const int scale = j < 4 ? s[j] & 63 : (s[j + 4] & 15) | s[j - 4] >> 6 << 4;
        const int min = j < 4 ? s[j + 4] & 63 : s[j + 4] >> 4 | s[j] >> 6 << 4;
        const uint8_t *codes = b + (type == SK_Q5_K ? 48 : 16);
        int code = codes[j / 2 * 32 + e % 32] >> (j % 2 * 4) & 15;
        if (type == SK_Q5_K) {
            code |= (b[16 + e % 32] >> j & 1) << 4;
        }
        return half(b) * scale * code - half(b + 2) * min;
    }
    }
}

typedef struct job {
    sk_type type;
    ptrdiff_t rows, n, k, split;
    const float *x, *bias;
    const uint8_t *source;
    size_t stride;
    int32_t accumulate;
} job;

static void run(const sk_kernels *table, const job *j, float *y) {
    uint8_t *packed = take(table->packed_bytes(j->type, j->n, j->k));
    const size_t bytes = table->activation_bytes(j->type, j->k);
    uint8_t *activations = take(bytes * (size_t)j->rows);
    for (ptrdiff_t n = 0; n < j->n; n += 32) {
        const ptrdiff_t end = n + 32 < j->n ? n + 32 : j->n;
        table->pack(j->type, packed, j->source + (size_t)n * j->stride, j->stride, n, end, j->n,
                    j->k);
    }
    table->prepare(j->type, activations, j->x, j->k + 3, j->rows, j->k);
    for (ptrdiff_t n = 0; n < j->n; n += j->split) {
        const sk_matmul args = {
            j->type, packed,        activations, y, j->n + 5,
            j->rows, j->n,          j->k,        n, n + j->split < j->n ? n + j->split : j->n,
            j->bias, j->accumulate, NULL};
        table->matmul(&args);
    }
    free(packed);
    free(activations);
}

static double error(const job *j, const float *y, const double *want) {
    double sum = 0, power = 0;
    for (ptrdiff_t r = 0; r < j->rows; r++) {
        for (ptrdiff_t n = 0; n < j->n; n++) {
            const double d = (double)y[r * (j->n + 5) + n] - want[r * j->n + n];
            sum += d * d;
            power += want[r * j->n + n] * want[r * j->n + n];
        }
    }
    return sum / power;
}

static int check(const sk_kernels *portable, const sk_kernels *table, sk_type type, ptrdiff_t rows,
                 ptrdiff_t n, ptrdiff_t k) {
    const size_t stride = (size_t)(k / sk_block_values(type)) * sk_block_bytes(type);
    uint8_t *source = take(stride * (size_t)n);
    float *x = take((size_t)(rows * (k + 3)) * 4);
    float *bias = take((size_t)n * 4);
    const size_t y_bytes = (size_t)(rows * (n + 5)) * 4;
    float *y = take(y_bytes), *again = take(y_bytes), *base = take(y_bytes);
    double *want = take((size_t)(rows * n) * 8);
    int bad = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        make_row(type, source + (size_t)i * stride, k);
        bias[i] = uniform();
    }
    for (ptrdiff_t i = 0; i < rows * (k + 3); i++) {
        x[i] = uniform() * uniform() * 3;
    }
    for (ptrdiff_t i = 0; i < rows * (n + 5); i++) {
        y[i] = again[i] = base[i] = 7.25f;
    }
    for (ptrdiff_t r = 0; r < rows; r++) {
        for (ptrdiff_t i = 0; i < n; i++) {
            double sum = 0;
            for (ptrdiff_t c = 0; c < k; c++) {
                sum += (double)x[r * (k + 3) + c] * value_at(type, source + (size_t)i * stride, c);
            }
            want[r * n + i] = sum + (double)bias[i] + 7.25;
        }
    }
    job j = {type, rows, n, k, n, x, bias, source, stride, 1};
    run(table, &j, y);
    run(portable, &j, base);
    const double exact = sk_is_float(type) ? (type == SK_BF16 ? 2e-5 : 1e-11) : 5e-4;
    const double off = error(&j, y, want);
    if (!(off <= exact)) {
        printf("type %d rows %td n %td k %td: error %g\n", type, rows, n, k, off);
        bad++;
    }
    double sum = 0, power = 0;
    for (ptrdiff_t i = 0; i < rows * (n + 5); i++) {
        sum += ((double)y[i] - (double)base[i]) * ((double)y[i] - (double)base[i]);
        power += (double)base[i] * (double)base[i];
        bad += i % (n + 5) >= n && y[i] != 7.25f;
    }
    if (!(sum / power <= (type == SK_BF16 ? 2e-5 : 1e-10))) {
        printf("type %d rows %td n %td k %td: off portable by %g\n", type, rows, n, k, sum / power);
        bad++;
    }
    for (ptrdiff_t r = 0; r < rows; r++) {
        job one = j;
        one.rows = 1;
        one.x = x + r * (k + 3);
        one.split = 16;
        run(table, &one, again + r * (n + 5));
    }
    if (memcmp(y, again, y_bytes) != 0) {
        printf("type %d rows %td n %td k %td: a row alone differs\n", type, rows, n, k);
        bad++;
    }
    free(source), free(x), free(bias), free(y), free(again), free(base), free(want);
    return bad;
}

/// A grouped matrix of random codes, scales and outliers: its product against double precision and
/// portable, and rows alone.
static int check_grouped(const sk_kernels *portable, const sk_kernels *table, sk_type type,
                         ptrdiff_t rows, ptrdiff_t n, ptrdiff_t k) {
    const sk_format f = sk_format_of(type);
    const int shift = sk_runs_of(type).group;
    const ptrdiff_t groups = (((k + 31) / 32 - 1) >> shift) + 1;
    const ptrdiff_t row_bytes = (k * f.bits + 7) / 8;
    const ptrdiff_t tiles = (n + 15) / 16, panels = (k + SK_OUTLIER_PANEL - 1) / SK_OUTLIER_PANEL;
    uint8_t *codes = take((size_t)(n * row_bytes));
    uint8_t *scales = take((size_t)(n * groups) * 2), *mins = take((size_t)(n * groups) * 2);
    uint32_t *starts = take((size_t)(tiles * panels + 1) * 4);
    uint32_t *entries = take((size_t)(tiles * panels * 3 + 1) * 4);
    double *weights = take((size_t)(n * k) * 8), *want = take((size_t)(rows * n) * 8);
    float *x = take((size_t)(rows * (k + 3)) * 4);
    float *y = take((size_t)(rows * (n + 5)) * 4), *alone = take((size_t)(rows * (n + 5)) * 4);
    float *base = take((size_t)(rows * (n + 5)) * 4);
    for (ptrdiff_t i = 0; i < n * row_bytes; i++) {
        codes[i] = (uint8_t)next();
    }
    for (ptrdiff_t i = 0; i < n * groups; i++) {
        put_half(scales + 2 * i);
        put_half(mins + 2 * i);
    }
    for (ptrdiff_t r = 0; r < n; r++) {
        for (ptrdiff_t i = 0; i < k; i++) {
            const ptrdiff_t group = r * groups + (i / 32 >> shift);
            uint32_t code = 0;
            for (ptrdiff_t bit = 0; bit < f.bits; bit++) {
                const ptrdiff_t at = i * f.bits + bit;
                code |= (uint32_t)(codes[r * row_bytes + at / 8] >> at % 8 & 1) << bit;
            }
            weights[r * k + i] = half(scales + 2 * group) * ((int)code - f.zero) +
                                 (f.has_min ? half(mins + 2 * group) : 0);
        }
    }
    uint32_t count = 0;
    for (ptrdiff_t cell = 0; cell < tiles * panels; cell++) {
        starts[cell] = count;
        for (ptrdiff_t third = 0; third < 3; third++) {
            const ptrdiff_t row = cell / panels * 16 + (ptrdiff_t)(next() % 16);
            const ptrdiff_t left = k - cell % panels * SK_OUTLIER_PANEL;
            const ptrdiff_t width = left < SK_OUTLIER_PANEL ? left : SK_OUTLIER_PANEL;
            if (row >= n || width < 3) {
                continue;
            }
            const ptrdiff_t column = third * (width / 3) + (ptrdiff_t)next() % (width / 3);
            const float value = uniform();
            uint32_t bits;
            memcpy(&bits, &value, 4);
            bits &= 0xffff0000;
            entries[count++] =
                bits | (uint32_t)(row % 16) << 12 | (uint32_t)(column < 0 ? 0 : column);
            float kept;
            memcpy(&kept, &bits, 4);
            weights[row * k + cell % panels * SK_OUTLIER_PANEL + (column < 0 ? 0 : column)] +=
                (double)kept;
        }
    }
    starts[tiles * panels] = count;
    for (ptrdiff_t i = 0; i < rows * (k + 3); i++) {
        x[i] = uniform() * uniform() * 3;
    }
    for (ptrdiff_t r = 0; r < rows; r++) {
        for (ptrdiff_t i = 0; i < n; i++) {
            for (ptrdiff_t c = 0; c < k; c++) {
                want[r * n + i] += (double)x[r * (k + 3) + c] * weights[i * k + c];
            }
        }
    }
    const sk_grouped_rows source = {codes, scales, mins};
    const sk_outliers outliers = {starts, entries};
    const sk_kernels *const tables[3] = {table, portable, table};
    float *const results[3] = {y, base, alone};
    for (int way = 0; way < 3; way++) {
        const sk_kernels *kernels = tables[way];
        uint8_t *packed = take(kernels->packed_bytes(type, n, k));
        const size_t bytes = kernels->activation_bytes(type, k);
        uint8_t *activations = take(bytes * (size_t)rows);
        kernels->pack_grouped(type, packed, &source, 0, n, n, k);
        kernels->prepare(type, activations, x, k + 3, rows, k);
        const ptrdiff_t height = way == 2 ? 1 : rows;
        for (ptrdiff_t r = 0; r < rows; r += height) {
            const sk_matmul args = {type,
                                    packed,
                                    activations + bytes * (size_t)r,
                                    results[way] + r * (n + 5),
                                    n + 5,
                                    height,
                                    n,
                                    k,
                                    0,
                                    n,
                                    NULL,
                                    0,
                                    &outliers};
            kernels->matmul(&args);
        }
        free(packed), free(activations);
    }
    const job j = {type, rows, n, k, n, x, NULL, NULL, 0, 0};
    int bad = 0;
    const double off = error(&j, y, want);
    if (!(off <= 5e-4) || memcmp(y, alone, (size_t)(rows * (n + 5)) * 4) != 0) {
        printf("type %x rows %td n %td k %td: error %g or a row alone differs\n", (unsigned)type,
               rows, n, k, off);
        bad++;
    }
    double sum = 0, power = 0;
    for (ptrdiff_t i = 0; i < rows * (n + 5); i++) {
        sum += ((double)y[i] - (double)base[i]) * ((double)y[i] - (double)base[i]);
        power += (double)base[i] * (double)base[i];
    }
    if (!(sum <= 1e-10 * power)) {
        printf("type %x rows %td n %td k %td: off portable by %g\n", (unsigned)type, rows, n, k,
               sum / power);
        bad++;
    }
    free(codes), free(scales), free(mins), free(starts), free(entries), free(weights), free(want);
    free(x), free(y), free(alone), free(base);
    return bad;
}

int main(int argc, char **argv) {
    static const sk_type types[] = {SK_F32,  SK_F16,  SK_BF16, SK_Q4_0, SK_Q4_1, SK_Q5_0,
                                    SK_Q5_1, SK_Q8_0, SK_Q4_K, SK_Q5_K, SK_Q6_K};
    static const ptrdiff_t widths[] = {1, 15, 16, 17, 48, 100};
    static const ptrdiff_t heights[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 32, 53};
    sk_kernels portable = {.isa = SK_ISA_PORTABLE};
    sk_kernels table = {.isa = argc > 1 ? atoi(argv[1]) : SK_ISA_PORTABLE};
    sk_fill_matmul(&portable);
    sk_fill_matmul(&table);
    int bad = 0, count = 0;
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        const ptrdiff_t block = sk_block_values(types[t]);
        for (size_t h = 0; h < sizeof heights / sizeof *heights; h++) {
            for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
                const ptrdiff_t blocks = block == 1 ? 37 : block == 32 ? 1 + (ptrdiff_t)w : 1;
                bad += check(&portable, &table, types[t], heights[h], widths[w], block * blocks);
                count++;
            }
        }
        bad += check(&portable, &table, types[t], 13, 80, block == 1 ? 1101 : 768);
    }
    for (int32_t bits = 2; bits <= 8; bits += bits == 6 ? 2 : 1) {
        for (int32_t shift = 0; shift < 4; shift++) {
            for (int32_t has_min = 0; has_min < (bits >= 6 ? 1 : 2); has_min++) {
                const sk_type type =
                    sk_grouped_type(bits, shift == 3 ? SK_GROUPED_ROW : shift, has_min);
                static const ptrdiff_t rows[] = {1, 2, 3, 4, 5, 7, 13, 53};
                for (size_t h = 0; h < sizeof rows / sizeof *rows; h++) {
                    bad += check_grouped(&portable, &table, type, rows[h], 17, 172);
                    bad += check_grouped(&portable, &table, type, rows[h], 48, 320);
                    count += 2;
                }
                bad += check_grouped(&portable, &table, type, 3, 20, 4200);
            }
        }
    }
    printf("level %d: %d products, %d failures\n", table.isa, count, bad);
    return bad != 0;
}
