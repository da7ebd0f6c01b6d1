#!/usr/bin/env bash
# Runs build/TARGET-FLOATS-HARTS.elf on QEMU's "virt" machine; ends with the firmware's verdict.
#
# usage: ./run.sh TARGET-FLOATS-HARTS [--count] [QEMU OPTIONS]
#   --count   one instruction a tick, so that counts of retired instructions are exact (one hart only)
set -euo pipefail
cd "$(dirname "$0")"
name=${1:-}
if [ ! -f "build/$name.elf" ]; then
    built=$(cd build 2>/dev/null && ls -- *.elf 2>/dev/null | sed 's/\.elf$//' | tr '\n' ' ' || true)
    echo "usage: ./run.sh NAME [--count] [QEMU OPTIONS]; ./build.sh has built: ${built:-nothing yet}" >&2
    exit 64
fi
shift
options=()
[ "${1:-}" = --count ] && options+=(-icount shift=0) && shift
exec timeout "${SECONDS_AT_MOST:-120}" "${QEMU:-qemu-system-riscv32}" -machine virt -bios none -m 64M \
    -smp "${name##*-}" -nographic -serial mon:stdio "${options[@]}" "$@" -kernel "build/$name.elf" </dev/null
