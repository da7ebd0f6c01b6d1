#define WIDTH 4
#define LEVEL
#define FUSED 1

#include "vector.h"
