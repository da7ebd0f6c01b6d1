#!/usr/bin/env bash
# Checks the one binary of `make dist`: it needs no other file, in an empty root directory (as root) and as
# the worker on a Spark cluster's executors, and gives the same vectors there, bit for bit.
#
#   Scripts/check_dist.sh [dist/skein]
set -euo pipefail
cd "$(dirname "$0")/.."
binary=$(realpath "${1:-dist/skein}")
work=$(mktemp -d)
trap 'bash Scripts/spark.sh stop; rm -rf "$work"' EXIT

if ldd "$binary" >/dev/null 2>&1; then
    echo "$binary needs libraries: $(ldd "$binary" | head -3)" >&2
    exit 1
fi
# A ring with chords: 1,200 nodes of six neighbours.
for node in $(seq 0 1199); do
    for step in 1 7 31; do echo "$node $(((node + step) % 1200))"; done
done >"$work/edges.txt"
embed=(graph embed --parts 4 --dim 24 --walks 3)

"$binary" "${embed[@]}" "$work/edges.txt" --output "$work/here" >/dev/null
if [ "$(id -u)" = 0 ]; then
    mkdir "$work/root" && cp "$binary" "$work/edges.txt" "$work/root"
    chroot "$work/root" /skein "${embed[@]}" /edges.txt --output /out >/dev/null
    cmp "$work/here/vectors.skv" "$work/root/out/vectors.skv"
    echo "the same vectors in an empty root directory"
else
    echo "skipped: an empty root directory needs root"
fi
bash Scripts/spark.sh start
"$binary" "${embed[@]}" "$work/edges.txt" --spark "$(cat .spark/cluster.url)" --spark-worker "$binary" \
    --output "$work/spark" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
cmp "$work/here/vectors.skv" "$work/spark/vectors.skv"
echo "the same vectors from the executors of a cluster"
