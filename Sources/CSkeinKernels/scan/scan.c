#include "scan.h"

#define WIDTH 4
#define LEVEL
#if defined(SK_NEON)
#define FUSED 1
#else
#define FUSED 0
#endif

#include "scan_body.h"

void sk_fill_scan(sk_kernels *table) {
    fill_table(table);
#if defined(SK_X86)
    if (table->isa == SK_ISA_AVX2) {
        sk_scan_avx2(table);
    }
    if (table->isa == SK_ISA_AVX512) {
        sk_scan_avx512(table);
    }
#endif
}
