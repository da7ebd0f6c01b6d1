#!/bin/sh
# Checks the kernels of instruction sets this machine may lack. AVX-512: products through SIMDe's
# emulation of their intrinsics; all other families, which are written once for vectors of any width,
# at its width with the instructions of AVX2. NEON: cross-compiled and run under qemu. Installs what
# is missing with apt; clang is the one of the Swift toolchain.
#   Scripts/check-isa.sh [avx512] [neon]
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
flags="-std=gnu11 -O2 -Wall -Wextra -Werror"

clang=${CLANG:-$(command -v clang || echo "$(dirname "$(readlink -f "$(command -v swift)")")/clang")}
families="elementwise convert attention quantize graph learning scan"

# Compiles check-kernels for the sources below $1 with the flags that follow.
build_families() {
    sources="$1/matmul/pack.c"
    for family in $families; do
        sources="$sources $(ls "$1/$family"/*.c)"
    done
    shift
    "$clang" $flags "$@" $sources Sources/CSkeinKernels/dispatch.c \
        Scripts/check-kernels.c -lm -lpthread
}

need() {
    dpkg -s "$1" >/dev/null 2>&1 || apt-get install -y --no-install-recommends "$1" >/dev/null
}

check_avx512() {
    need libsimde-dev
    need gcc
    # The emulation may use what this processor has, but never AVX-512 itself, so the copies of the
    # sources lose their target attributes and find an immintrin.h that is SIMDe.
    cp -r Sources Scripts "$work"
    mkdir "$work/simde"
    cat >"$work/simde/immintrin.h" <<'END'
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#include <simde/x86/f16c.h>
#include <simde/x86/fma.h>

#include <string.h>

// What SIMDe does not have.
typedef uint16_t __mmask16;

static inline __m512 _mm512_maskz_loadu_ps(__mmask16 mask, const void *p) {
    float lanes[16];
    for (int i = 0; i < 16; i++) {
        lanes[i] = mask >> i & 1 ? ((const float *)p)[i] : 0;
    }
    return _mm512_loadu_ps(lanes);
}

static inline void _mm512_mask_storeu_ps(void *p, __mmask16 mask, __m512 v) {
    float lanes[16];
    memcpy(lanes, &v, 64);
    for (int i = 0; i < 16; i++) {
        if (mask >> i & 1) {
            ((float *)p)[i] = lanes[i];
        }
    }
}

static inline __m512 _mm512_cvtph_ps(__m256i v) {
    __m128i halves[2];
    float lanes[16];
    memcpy(halves, &v, 32);
    _mm256_storeu_ps(lanes, _mm256_cvtph_ps(halves[0]));
    _mm256_storeu_ps(lanes + 8, _mm256_cvtph_ps(halves[1]));
    return _mm512_loadu_ps(lanes);
}

static inline __m512 _mm512_cvtepi32_ps(__m512i v) {
    int32_t from[16];
    float lanes[16];
    memcpy(from, &v, 64);
    for (int i = 0; i < 16; i++) {
        lanes[i] = (float)from[i];
    }
    return _mm512_loadu_ps(lanes);
}

static inline __m512i _mm512_cvtepi8_epi32(__m128i v) {
    int8_t bytes[16];
    int32_t lanes[16];
    memcpy(bytes, &v, 16);
    for (int i = 0; i < 16; i++) {
        lanes[i] = bytes[i];
    }
    return _mm512_loadu_si512(lanes);
}

static inline __m512i _mm512_cvtepu8_epi32(__m128i v) {
    uint8_t bytes[16];
    int32_t lanes[16];
    memcpy(bytes, &v, 16);
    for (int i = 0; i < 16; i++) {
        lanes[i] = bytes[i];
    }
    return _mm512_loadu_si512(lanes);
}
END
    header=$work/Sources/CSkeinKernels/internal.h
    sed -i '/^#define SK_TARGET_AVX/,/[^\\]$/d' "$header"
    sed -i 's/^#define SK_X86 1/&\n#define SK_TARGET_AVX2\n#define SK_TARGET_AVX512\n#define SK_TARGET_AVX512_BF16/' "$header"
    # Inlining the emulation into unrolled loops would take a compiler minutes.
    sed -i 's/^#define SK_INLINE .*/#define SK_INLINE static/' "$header"
    sed -i 's/^#define SK_UNROLL .*/#define SK_UNROLL/' "$work/Sources/CSkeinKernels/matmul/matmul.h"
    gcc $flags -Wno-psabi -D_Nullable= -O1 -w -Werror=implicit-function-declaration -msse4.2 -I"$work/simde" -I"$work/Sources/CSkeinKernels/include" \
        "$work"/Sources/CSkeinKernels/matmul/*.c Sources/CSkeinKernels/dispatch.c \
        "$work"/Scripts/check-matmul.c -lm -lpthread -o "$work/check-avx512"
    "$work/check-avx512" 1
    "$work/check-avx512" 2
    "$work/check-avx512" 4

    rm -rf "$work/Sources"
    cp -r Sources "$work"
    sed -i '/^#define SK_TARGET_AVX512/,/[^\\]$/d; s/^#define SK_X86 1/&\n#define SK_TARGET_AVX512 SK_TARGET_AVX2/' "$header"
    build_families "$work/Sources/CSkeinKernels" -Wno-psabi -I"$work/Sources/CSkeinKernels/include" \
        -o "$work/check-families"
    "$work/check-families" 1
    "$work/check-families" 2
}

check_neon() {
    need gcc-aarch64-linux-gnu
    need libc6-dev-arm64-cross
    need qemu-user
    arm="--target=aarch64-linux-gnu --gcc-toolchain=/usr -static --ld-path=$(command -v aarch64-linux-gnu-ld)"
    "$clang" $flags $arm -ISources/CSkeinKernels/include Sources/CSkeinKernels/matmul/*.c \
        Sources/CSkeinKernels/dispatch.c Scripts/check-matmul.c -lm -lpthread -o "$work/check-neon"
    build_families Sources/CSkeinKernels $arm -ISources/CSkeinKernels/include \
        -o "$work/check-neon-families"
    qemu-aarch64 "$work/check-neon" 3
    qemu-aarch64 "$work/check-neon-families" 3
}

for level in ${*:-avx512 neon}; do
    "check_$level"
done
