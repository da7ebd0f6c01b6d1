#define WIDTH 16
#define LEVEL SK_TARGET_AVX512
#define FUSED 1

#include "vector.h"
