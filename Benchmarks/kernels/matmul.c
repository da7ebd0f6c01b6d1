// Speed of the matrix products on one thread: GB/s of packed weights at one row, Gop/s at more.
//
//   clang -std=gnu11 -O2 -ISources/CSkeinKernels/include Benchmarks/kernels/matmul.c \
//       $(find Sources/CSkeinKernels -name '*.c') -lm -lpthread -o /tmp/bench-matmul
//   /tmp/bench-matmul [LEVEL [N K [TYPE]]]     (0 portable, 1 AVX2, 2 AVX-512, 3 NEON)
//
// Each figure is the best of the repetitions in ten rounds of 20 ms, which alternate between
// heights.

#include "sk_kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *take(size_t bytes) {
    const size_t huge = (size_t)2 << 20;
    const size_t size = (bytes + huge - 1) / huge * huge;
    void *p = aligned_alloc(huge, size);
    if (p == NULL) {
        exit(3);
    }
    madvise(p, size, MADV_HUGEPAGE);
    memset(p, 0, size);
    return p;
}

/// The time of one call, the best of those that fit into `limit` seconds.
static double best_of(const sk_kernels *table, const sk_matmul *args, double limit, double best) {
    const double begin = now();
    int count = 0;
    while (count < 2 || now() - begin < limit) {
        const double start = now();
        table->matmul(args);
        const double spent = now() - start;
        best = spent < best ? spent : best;
        count++;
    }
    return best;
}

static void measure(const sk_kernels *table, sk_type type, const char *name, ptrdiff_t n,
                    ptrdiff_t k) {
    static const ptrdiff_t heights[] = {1, 2, 4, 6, 16, 32, 256, 2048};
    enum { COUNT = sizeof heights / sizeof *heights, MOST = 2048, ROUNDS = 10 };
    const size_t stride = (size_t)(k / sk_block_values(type)) * sk_block_bytes(type);
    const size_t bytes = table->packed_bytes(type, n, k);
    uint8_t *source = take(stride * SK_TILE_N * 8);
    uint8_t *packed = take(bytes);
    for (size_t i = 0; i < stride * SK_TILE_N * 8; i++) {
        source[i] = (uint8_t)(0x20 + i * 7 % 16);
    }
    double packing = 1e9;
    for (int pass = 0; pass < 8; pass++) {
        const double start = now();
        for (ptrdiff_t i = 0; i < n; i += SK_TILE_N * 8) {
            const ptrdiff_t end = i + SK_TILE_N * 8 < n ? i + SK_TILE_N * 8 : n;
            table->pack(type, packed, source, stride, i, end, n, k);
        }
        packing = now() - start < packing ? now() - start : packing;
    }
    float *x = take((size_t)(MOST * k) * 4);
    float *y = take((size_t)(MOST * n) * 4);
    for (ptrdiff_t i = 0; i < MOST * k; i++) {
        x[i] = (float)(i * 37 % 101 - 50);
    }
    void *activations = take(table->activation_bytes(type, k) * MOST);
    const double start = now();
    table->prepare(type, activations, x, k, MOST, k);
    const double preparing = now() - start;
    printf("%-5s pack %5.1f GB/s  prepare %5.1f GB/s ", name,
           (double)stride * (double)n / packing / 1e9, (double)(MOST * k) * 4 / preparing / 1e9);
    double best[COUNT];
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < COUNT; i++) {
            const sk_matmul args = {.type = type,
                                    .weights = packed,
                                    .activations = activations,
                                    .y = y,
                                    .ldy = n,
                                    .rows = heights[i],
                                    .n = n,
                                    .k = k,
                                    .n_begin = 0,
                                    .n_end = n};
            best[i] = best_of(table, &args, 0.02, round == 0 ? 1e9 : best[i]);
        }
    }
    printf("| 1: %5.1f GB/s ", (double)bytes / best[0] / 1e9);
    for (int i = 0; i < COUNT; i++) {
        printf("| %td: %6.1f ", heights[i],
               2e-9 * (double)heights[i] * (double)n * (double)k / best[i]);
    }
    printf("Gop/s\n");
    free(source), free(packed), free(x), free(y), free(activations);
}

int main(int argc, char **argv) {
    static const struct {
        sk_type type;
        const char *name;
    } types[] = {{SK_F32, "F32"},   {SK_F16, "F16"},   {SK_BF16, "BF16"}, {SK_Q8_0, "Q8_0"},
                 {SK_Q4_0, "Q4_0"}, {SK_Q4_1, "Q4_1"}, {SK_Q5_0, "Q5_0"}, {SK_Q5_1, "Q5_1"},
                 {SK_Q4_K, "Q4_K"}, {SK_Q5_K, "Q5_K"}, {SK_Q6_K, "Q6_K"}};
    const sk_kernels *table = sk_kernels_for(argc > 1 ? atoi(argv[1]) : sk_best_isa());
    const ptrdiff_t n = argc > 2 ? atoi(argv[2]) : 2048;
    const ptrdiff_t k = argc > 3 ? atoi(argv[3]) : 2048;
    if (table == NULL) {
        printf("this processor lacks that level\n");
        return 1;
    }
    printf("%s, n %td, k %td, one thread\n", table->name, n, k);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (k % sk_block_values(types[i].type) == 0 &&
            (argc < 5 || strcmp(argv[4], types[i].name) == 0)) {
            measure(table, types[i].type, types[i].name, n, k);
        }
    }
    return 0;
}
