#define WIDTH 4
#define LEVEL
#define FUSED 0

#include "vector.h"
