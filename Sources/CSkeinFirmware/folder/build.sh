#!/usr/bin/env bash
# Builds firmware for one target from this folder alone.
#
# usage: ./build.sh [rv32imac|rv32imafc|armv7em] [ours|libgcc]
#   rv32imac     no floating-point unit; floats by our routines, or by libgcc's for comparison
#   rv32imafc    with a single-precision unit
#   armv7em      compiles the Swift sources for Cortex-M; there is no start-up code for it here
#
# Needs Swift's toolchain with Embedded Swift; for "libgcc" also riscv64-unknown-elf-gcc. HARTS (default 8, at most 8)
# is linked in; SWIFTC, CLANG and LLD name other programs. Writes build/TARGET-FLOATS-HARTS.elf.
set -euo pipefail
cd "$(dirname "$0")"
target=${1:-rv32imac} floats=${2:-ours} harts=${HARTS:-8}
swiftc=${SWIFTC:-swiftc}
bin=$(dirname "$(readlink -f "$(command -v "$swiftc")")")
clang=${CLANG:-$bin/clang} lld=${LLD:-$bin/ld.lld}
mkdir -p build

case $target in
rv32imac) triple=riscv32-none-none-eabi flags=(-march=rv32imac -mabi=ilp32) assembly=rv32imac_zicsr ;;
rv32imafc) triple=riscv32-none-none-eabi flags=(-march=rv32imafc -mabi=ilp32f) assembly=rv32imafc_zicsr floats=unit ;;
armv7em) triple=armv7em-none-none-eabi flags=(-mfloat-abi=soft) floats=none ;;
*) echo "no target $target; expected rv32imac, rv32imafc or armv7em" >&2 && exit 64 ;;
esac
case $floats in ours | libgcc | unit | none) ;; *)
    echo "no floats $floats; expected ours or libgcc" >&2 && exit 64 ;;
esac

# Nothing may allocate: the compiler refuses it, and nothing to link against would offer it.
compile() {
    local options=() flag
    for flag in "${flags[@]}"; do options+=(-Xcc "$flag"); done
    "$swiftc" -target $triple -enable-experimental-feature Embedded -enable-experimental-feature Extern \
        -wmo -O -parse-as-library -Xfrontend -no-allocations -Xfrontend -function-sections \
        -Xfrontend -disable-stack-protector "${options[@]}" -module-name "$1" -c "${@:3}" -o "$2"
}

newer() { [ -f "$1" ] && [ -z "$(find . -name '*.swift' -newer "$1" -print -quit)" ]; }

main=build/$target.o
newer "$main" || compile Firmware "$main" Main.swift Models.swift Sources/*.swift
[ $target = armv7em ] && exit

objects=("$main")
case $floats in
ours)
    newer build/softfloat.o || compile SoftFloats build/softfloat.o SoftFloatSymbols.swift Sources/{SoftFloat*,Widening}.swift
    objects+=(build/softfloat.o --defsym=__eqsf2=__lesf2 --defsym=__nesf2=__lesf2 --defsym=__ltsf2=__lesf2
        --defsym=__gtsf2=__gesf2)
    ;;
libgcc)
    # Asked with _zicsr, GCC 12 would name a library of another width.
    objects+=("$(riscv64-unknown-elf-gcc "${flags[@]}" -print-libgcc-file-name)")
    ;;
esac
for part in start models; do
    "$clang" --target=riscv32-none-elf -march=$assembly "${flags[1]}" -c $part.S -o build/$part-$target.o
    objects+=(build/$part-$target.o)
done
"$lld" -T link.ld --gc-sections --defsym=skein_harts="$harts" "${objects[@]}" -o "build/$target-$floats-$harts.elf"
