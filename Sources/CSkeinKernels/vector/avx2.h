#define WIDTH 8
#define LEVEL SK_TARGET_AVX2
#define FUSED 1

#include "vector.h"
