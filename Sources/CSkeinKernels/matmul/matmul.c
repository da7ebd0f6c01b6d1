#include "matmul.h"

enum {
    GROUP_BYTES = 128 * 1024, ///< packed weights that a row block after row block reads again
    FLOAT_TILES = 8,          ///< most tiles of a partial float product
    FLOAT_ROWS = 96,          ///< most rows of one
};

size_t sk_row_bytes(size_t bytes) { return ((bytes + 63) / 64 | 1) * 64; }

size_t sk_activation_bytes(sk_type type, ptrdiff_t k) {
    if (sk_is_float(type)) {
        return sk_row_bytes((size_t)k * 4 + 4);
    }
    if (sk_is_grouped(type)) {
        return sk_row_bytes(sk_float_offset(k, sizeof(sk_activation_block)) + (size_t)k * 4);
    }
    return sk_row_bytes((size_t)k / 32 * sizeof(sk_activation_block));
}

void sk_copy_rows(void *activations, const float *x, ptrdiff_t ldx, ptrdiff_t rows, ptrdiff_t k) {
    const size_t bytes = sk_row_bytes((size_t)k * 4 + 4);
    for (ptrdiff_t r = 0; r < rows; r++) {
        float *row = (float *)((uint8_t *)activations + (size_t)r * bytes);
        memcpy(row, x + r * ldx, (size_t)k * 4);
        row[k] = 0;
    }
}

static sk_panel_kernel kernel_of(const sk_panel_kernels *kernels, sk_type type) {
    switch (sk_without_groups(type)) {
    case SK_F32:
        return kernels->f32;
    case SK_F16:
        return kernels->f16;
    case SK_BF16:
        return kernels->bf16;
    case SK_Q4_0:
        return kernels->q4_0;
    case SK_Q4_1:
        return kernels->q4_1;
    case SK_Q5_0:
        return kernels->q5_0;
    case SK_Q5_1:
        return kernels->q5_1;
    case SK_Q8_0:
        return kernels->q8_0;
    case SK_Q4_K:
        return kernels->q4_k;
    case SK_Q5_K:
        return kernels->q5_k;
    case SK_Q6_K:
        return kernels->q6_k;
    case SK_GROUPED | 2:
        return kernels->g2;
    case SK_GROUPED | 3:
        return kernels->g3;
    case SK_GROUPED | 4:
        return kernels->g4;
    case SK_GROUPED | 5:
        return kernels->g5;
    case SK_GROUPED | 6:
        return kernels->g6;
    case SK_GROUPED | 8:
        return kernels->g8;
    case SK_GROUPED | 16 | 2:
        return kernels->g2_min;
    case SK_GROUPED | 16 | 3:
        return kernels->g3_min;
    case SK_GROUPED | 16 | 4:
        return kernels->g4_min;
    case SK_GROUPED | 16 | 5:
        return kernels->g5_min;
    default:
        return NULL;
    }
}

/// The panel of `tiles` tiles from output `first` on, still without rows; `abreast` of them lie so.
static sk_panel panel_at(const sk_matmul *args, ptrdiff_t abreast, size_t x_bytes, ptrdiff_t first,
                         ptrdiff_t tiles) {
    const size_t tile_bytes = sk_tile_bytes(args->type, args->k);
    const ptrdiff_t left = args->n_end - first;
    const ptrdiff_t tile = first / SK_TILE_N;
    const ptrdiff_t lane = tile % abreast;
    return (sk_panel){
        .tile = (const uint8_t *)args->weights + (size_t)(tile - lane) * tile_bytes,
        .tile_bytes = tile_bytes,
        .tiles = tiles,
        .lane = lane,
        .abreast = abreast,
        .runs = sk_runs_of(args->type),
        .x = args->activations,
        .x_bytes = x_bytes,
        .begin = 0,
        .end = sk_is_float(args->type) ? args->k : (args->k + 31) / 32,
        .is_first = 1,
        .is_last = 1,
        .accumulate = args->accumulate,
        .y = args->y + first,
        .ldy = args->ldy,
        .bias = args->bias == NULL ? NULL : args->bias + first,
        .columns = left < tiles * SK_TILE_N ? left : tiles * SK_TILE_N,
    };
}

/// Runs the panel over rows row_begin ..< row_end in blocks of almost equal height.
static void run_rows(sk_panel_kernel kernel, sk_panel panel, ptrdiff_t max_rows,
                     ptrdiff_t row_begin, ptrdiff_t row_end) {
    const ptrdiff_t rows = row_end - row_begin;
    const ptrdiff_t blocks = (rows + max_rows - 1) / max_rows;
    panel.x += (size_t)row_begin * panel.x_bytes;
    panel.y += row_begin * panel.ldy;
    for (ptrdiff_t b = 0; b < blocks; b++) {
        const sk_panel part = sk_rows_of(&panel, rows * b / blocks, rows * (b + 1) / blocks);
        kernel(&part);
    }
}

/// Replaces a panel's weights by f32 ones, which lie in `values`.
static void widen(const sk_panel_kernels *kernels, sk_type type, sk_panel *panel, float *values) {
    const ptrdiff_t count = panel->end - panel->begin;
    // Tiles abreast stay so where the panel has all of them.
    const ptrdiff_t abreast =
        panel->lane == 0 && panel->tiles % panel->abreast == 0 ? panel->abreast : 1;
    for (ptrdiff_t t = 0; t < panel->tiles; t += abreast) {
        kernels->widen(type, values + t * count * SK_TILE_N, panel, t, abreast);
    }
    panel->tile = (const uint8_t *)values;
    panel->tile_bytes = (size_t)count * SK_TILE_N * 4;
    panel->lane = 0;
    panel->abreast = abreast;
    panel->x += panel->begin * 4;
    panel->begin = 0;
    panel->end = count;
}

/// A float product in chunks of K, small enough that the rows of a chunk stay in the second cache
/// while tile after tile passes over them. Partial sums are stored exactly, so bits do not depend
/// on the chunks, nor on whether weights are widened for many rows at once.
static void run_float_chunks(const sk_matmul *args, const sk_panel_kernels *kernels,
                             ptrdiff_t abreast, size_t x_bytes) {
    float partial[FLOAT_ROWS * FLOAT_TILES * SK_TILE_N];
    _Alignas(64) float values[SK_FLOAT_CHUNK * FLOAT_TILES * SK_TILE_N];
    const int has_many = args->rows >= SK_MANY_ROWS_FLOAT;
    const int widens = has_many && args->type != SK_F32 && kernels->widen != NULL;
    const sk_panel_kernel kernel = kernel_of(kernels, widens ? SK_F32 : args->type);
    const ptrdiff_t tiles = has_many ? FLOAT_TILES : FLOAT_TILES / 2;
    const ptrdiff_t count = has_many ? SK_FLOAT_CHUNK : SK_FLOAT_CHUNK * 2;
    const ptrdiff_t chunks = (args->rows + FLOAT_ROWS - 1) / FLOAT_ROWS;
    for (ptrdiff_t n = args->n_begin; n < args->n_end; n += tiles * SK_TILE_N) {
        const ptrdiff_t left = (args->n_end - n + SK_TILE_N - 1) / SK_TILE_N;
        for (ptrdiff_t c = 0; c < chunks; c++) {
            for (ptrdiff_t k = 0; k < args->k; k += count) {
                sk_panel panel = panel_at(args, abreast, x_bytes, n, left < tiles ? left : tiles);
                panel.partial = partial;
                panel.partial_ld = FLOAT_TILES * SK_TILE_N;
                panel.begin = k;
                panel.end = args->k - k <= count ? args->k : k + count;
                panel.is_first = k == 0;
                panel.is_last = panel.end == args->k;
                if (widens) {
                    widen(kernels, args->type, &panel, values);
                }
                run_rows(kernel, panel, kernels->max_rows_float, args->rows * c / chunks,
                         args->rows * (c + 1) / chunks);
            }
        }
    }
}

void sk_run_panels(const sk_matmul *args, const sk_panel_kernels *kernels, size_t x_bytes) {
    const sk_panel_kernel kernel = kernel_of(kernels, args->type);
    if (kernel == NULL || args->rows <= 0 || args->n_begin >= args->n_end) {
        return;
    }
    const int is_float = sk_is_float(args->type);
    const ptrdiff_t abreast =
        is_float ? sk_abreast_at(args->n_begin / SK_TILE_N, args->n, kernels->abreast) : 1;
    const ptrdiff_t alone = (args->n + SK_TILE_N - 1) / SK_TILE_N / abreast * abreast * SK_TILE_N;
    if (alone < args->n_end) {
        sk_matmul part = *args;
        part.n_end = alone;
        sk_run_panels(&part, kernels, x_bytes);
        part.n_begin = alone;
        part.n_end = args->n_end;
        sk_run_panels(&part, kernels, x_bytes);
        return;
    }
    const ptrdiff_t max_rows = is_float ? kernels->max_rows_float : kernels->max_rows_int;
    if (is_float && args->rows > kernels->whole_rows_float) {
        run_float_chunks(args, kernels, abreast, x_bytes);
        return;
    }
    const ptrdiff_t fitting = (ptrdiff_t)(GROUP_BYTES / (sk_tile_bytes(args->type, args->k) + 1));
    const ptrdiff_t group =
        args->rows <= max_rows ? PTRDIFF_MAX / SK_TILE_N : (fitting < 4 ? 4 : fitting / 4 * 4);
    for (ptrdiff_t n = args->n_begin; n < args->n_end;) {
        const ptrdiff_t left = (args->n_end - n + SK_TILE_N - 1) / SK_TILE_N;
        const ptrdiff_t tiles = left < group ? left : group;
        run_rows(kernel, panel_at(args, abreast, x_bytes, n, tiles), max_rows, 0, args->rows);
        n += tiles * SK_TILE_N;
    }
}

void sk_fill_matmul(sk_kernels *table) {
    table->packed_bytes = sk_packed_bytes;
    table->pack = sk_tiles_abreast(table->isa) == 1 ? sk_pack : sk_pack_abreast;
    table->pack_grouped = sk_pack_grouped;
    sk_fill_matmul_portable(table);
    switch (table->isa) {
    case SK_ISA_AVX2:
        sk_fill_matmul_avx2(table);
        break;
    case SK_ISA_AVX512:
    case SK_ISA_AVX512_BF16:
        sk_fill_matmul_avx512(table);
        break;
    case SK_ISA_NEON:
        sk_fill_matmul_neon(table);
        break;
    default:
        break;
    }
}
