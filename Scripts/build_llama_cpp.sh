#!/bin/sh
# Build llama.cpp, the peer that speed and quantised perplexity are compared with, from the source
# distribution of llama-cpp-python (PyPI carries the C++ sources under vendor/llama.cpp).
#
#   Scripts/build_llama_cpp.sh DIRECTORY [JOBS]
#
# Leaves the programs in DIRECTORY/bin. Compiled for the machine it runs on (GGML_NATIVE), with
# llama.cpp's own defaults otherwise (Release, OpenMP), without network code. Set SDIST to a file
# that is already here to skip the download. Needs cmake, a C++17 compiler and pip.
set -eu

version=0.3.36
sha256=832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e
directory=${1:?usage: build_llama_cpp.sh DIRECTORY [JOBS]}
jobs=${2:-$(getconf _NPROCESSORS_ONLN)}
sdist=${SDIST:-$directory/llama_cpp_python-$version.tar.gz}
source=$directory/llama_cpp_python-$version/vendor/llama.cpp

mkdir -p "$directory"
if [ ! -f "$sdist" ]; then
    python3 -m pip download --no-deps --no-binary llama-cpp-python --dest "$directory" \
        "llama-cpp-python==$version"
fi
echo "$sha256  $sdist" | sha256sum --check --quiet
[ -d "$source" ] || tar -xzf "$sdist" -C "$directory"

cmake -S "$source" -B "$directory/build" \
    -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON \
    -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF \
    -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_APP=OFF -DLLAMA_BUILD_TESTS=OFF
cmake --build "$directory/build" -j "$jobs" --target \
    llama-quantize llama-bench llama-batched-bench llama-perplexity llama-simple llama-tokenize
ln -sfn build/bin "$directory/bin"
"$directory/bin/llama-bench" --help >/dev/null
echo "llama.cpp (llama-cpp-python $version) is in $directory/bin"
