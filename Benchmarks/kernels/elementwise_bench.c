// Speed of norms, gates, rotary and attention on one thread, best of many.
// cd Sources/CSkeinKernels && clang -std=gnu11 -O2 -I. -Iinclude
//     ../../Benchmarks/kernels/elementwise_bench.c dispatch.c */*.c -o bench -lm -lpthread &&
//     ./bench [isa]
#include "sk_kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double best_seconds(void (*work)(void *), void *context) {
    double best = 1e9, begin = now();
    for (int i = 0; i < 5 || now() - begin < 0.4; i++) {
        double start = now();
        work(context);
        double spent = now() - start;
        best = spent < best ? spent : best;
    }
    return best;
}

enum { ROWS = 64 };
static const sk_kernels *kernels;
static ptrdiff_t width;
static float *x, *y, *w;

static void norm(void *context) {
    (void)context;
    kernels->rms_norm(y, width, x, width, w, ROWS, width, 1e-5f);
}
static void layer(void *context) {
    (void)context;
    kernels->layer_norm(y, width, x, width, w, w, ROWS, width, 1e-5f);
}
static void gate(void *context) {
    (void)context;
    kernels->silu_gate(y, width, x, 2 * width, ROWS, width);
}
static void rotate(void *context) {
    (void)context;
    kernels->rotary(y, width, w, w, ROWS, width / 64, 64, 32, 0);
}

typedef struct problem {
    sk_attention args;
    ptrdiff_t rows;
} problem;

static void attend(void *context) {
    problem *p = context;
    kernels->attention(&p->args, 0, p->rows, 0, p->args.kv_heads);
}

static double attention_seconds(ptrdiff_t rows, int32_t keys, int32_t kv_heads, int32_t group) {
    const int32_t dim = 64;
    const ptrdiff_t columns = (ptrdiff_t)kv_heads * group * dim;
    float *q = calloc((size_t)(rows * columns), 4), *out = calloc((size_t)(rows * columns), 4);
    uint16_t *kv = malloc((size_t)keys * (size_t)(kv_heads * dim) * 4);
    for (ptrdiff_t i = 0; i < (ptrdiff_t)keys * kv_heads * dim * 2; i++) {
        kv[i] = (uint16_t)(0x3000 + rand() % 0x800);
    }
    for (ptrdiff_t i = 0; i < rows * columns; i++) {
        q[i] = (float)rand() / (float)RAND_MAX - 0.5f;
    }
    int32_t *offsets = malloc((size_t)(rows + 1) * sizeof *offsets);
    sk_range *ranges = malloc((size_t)rows * sizeof *ranges);
    for (ptrdiff_t r = 0; r <= rows; r++) {
        offsets[r] = (int32_t)r;
    }
    for (ptrdiff_t r = 0; r < rows; r++) {
        ranges[r] = (sk_range){0, (int32_t)(keys - rows + r + 1)};
    }
    sk_kv_run run = {kv, kv + (ptrdiff_t)keys * kv_heads * dim, keys};
    problem p = {{q, columns, out, columns, kv_heads * group, kv_heads, dim, SK_F16,
                  (ptrdiff_t)kv_heads * dim, 0.125f, 0, &run, 1, offsets, ranges},
                 rows};
    double seconds = best_seconds(attend, &p);
    free(q), free(out), free(kv), free(offsets), free(ranges);
    return seconds;
}

int main(int count, char **arguments) {
    kernels = sk_kernels_for(count > 1 ? atoi(arguments[1]) : sk_best_isa());
    if (!kernels) {
        return 1;
    }
    printf("level %s\n", kernels->name);
    x = calloc(ROWS * 2 * 2048, 4), y = calloc(ROWS * 2048, 4), w = calloc(ROWS * 2048, 4);
    for (ptrdiff_t i = 0; i < ROWS * 2 * 2048; i++) {
        x[i] = (float)rand() / (float)RAND_MAX - 0.5f;
    }
    for (width = 576; width <= 2048; width += 2048 - 576) {
        double bytes = (double)ROWS * (double)width * 4;
        printf("rms_norm/%td %.1f GB/s\n", width, 2 * bytes / best_seconds(norm, NULL) / 1e9);
        printf("layer_norm/%td %.1f GB/s\n", width, 2 * bytes / best_seconds(layer, NULL) / 1e9);
        printf("silu_gate/%td %.1f GB/s\n", width, 3 * bytes / best_seconds(gate, NULL) / 1e9);
        printf("rotary/%td %.1f GB/s\n", width, 2 * bytes / best_seconds(rotate, NULL) / 1e9);
    }
    for (int32_t group = 1; group <= 4; group *= 2) {
        for (int32_t keys = 1024; keys <= 4096; keys *= 4) {
            double bytes = (double)keys * 8 * 64 * 4;
            printf("attention/decode/f16/%d keys/8x%d heads of 64: %.1f GB/s\n", keys, group,
                   bytes / attention_seconds(1, keys, 8, group) / 1e9);
        }
    }
    for (int32_t rows = 512; rows <= 2048; rows *= 4) {
        double work = 4.0 * 64 * 8 * rows * (rows + 1) / 2;
        printf("attention/prefill/f16/%d causal/2x4 heads of 64: %.1f GFLOP/s\n", rows,
               work / attention_seconds(rows, rows, 2, 4) / 1e9);
    }
    return 0;
}
