// What check-matmul.c and check-kernels.c share: random numbers, rows and memory.

#ifndef SK_CHECK_SUPPORT_H
#define SK_CHECK_SUPPORT_H

#include "../Sources/CSkeinKernels/internal.h"

#include <stdlib.h>
#include <string.h>

static uint64_t state = 0x5eed;

static inline uint64_t next(void) {
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline float uniform(void) { return (float)(next() >> 40) * 0x1p-23f - 1; }

static inline void put_half(uint8_t *p) {
    const uint16_t h = (uint16_t)(0x2000 | (next() & 0x8bff));
    memcpy(p, &h, 2);
}

/// Random bytes with scales between 2^-7 and 2^-3.
static inline void make_row(sk_type type, uint8_t *row, ptrdiff_t k) {
    const size_t bytes = sk_block_bytes(type);
    for (ptrdiff_t b = 0; b < k / sk_block_values(type); b++) {
        uint8_t *block = row + (size_t)b * bytes;
        for (size_t i = 0; i < bytes; i++) {
            block[i] = (uint8_t)next();
        }
        if (type == SK_F32) {
            const float v = uniform();
            memcpy(block, &v, 4);
        } else if (type == SK_BF16) {
            const float v = uniform();
            memcpy(block, (const uint8_t *)&v + 2, 2);
        } else if (type == SK_Q6_K) {
            put_half(block + 208);
        } else {
            put_half(block);
            if (type == SK_Q4_1 || type == SK_Q5_1 || type == SK_Q4_K || type == SK_Q5_K) {
                put_half(block + 2);
            }
        }
    }
}

static inline void *take(size_t bytes) {
    void *p = aligned_alloc(64, (bytes + 63) / 64 * 64 + 64);
    if (p == NULL) {
        exit(3);
    }
    memset(p, 0, (bytes + 63) / 64 * 64 + 64);
    return p;
}

#endif
