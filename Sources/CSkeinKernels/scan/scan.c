#include "scan.h"

#include "../vector/portable.h"

#include "scan_body.h"

void sk_fill_scan(sk_kernels *table) {
    fill_table(table);
    SK_FILL_LEVEL(scan, table);
}
