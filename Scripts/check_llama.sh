#!/bin/sh
# Checks against llama.cpp what `skein quantize` writes: builds llama.cpp where it is not yet, trains a
# small model on told stories, and runs check_llama_types.py on it.
#   Scripts/check_llama.sh [SKEIN [LLAMA]]
# LLAMA is a folder with llama.cpp's programs in bin; the default is filled by build_llama_cpp.sh.
set -eu
cd "$(dirname "$0")/.."
skein=$(realpath "${1:-.build/release/skein}")
llama=${2:-.build/llama}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

[ -x "$llama/bin/llama-perplexity" ] || sh Scripts/build_llama_cpp.sh "$llama"
"$skein" stories --count 2000 --seed 3 --output "$work/stories.jsonl"
"$skein" stories --count 60 --seed 4 --held-out --output "$work/held.jsonl"
cat >"$work/run.yaml" <<END
model: {model_type: llama, hidden_size: 256, intermediate_size: 512, num_hidden_layers: 2,
  num_attention_heads: 4, num_key_value_heads: 2, max_position_embeddings: 256}
tokenizer: {vocabulary: 1024}
data: {train: "$work/stories.jsonl", validation: "$work/held.jsonl"}
batch: {sequences: 8, length: 128, packing: windows}
optimizer: {learning_rate: 4.0e-3}
schedule: {warmup: 10}
steps: 80
END
"$skein" train --config "$work/run.yaml" --output "$work/run"
"$skein" quantize "$work/run/model" -o "$work/model-F32.gguf" --method f32
python3 -c 'import json, sys
for line in open(sys.argv[1]): print(json.loads(line)["text"], end="\n\n")' \
    "$work/held.jsonl" >"$work/text.txt"
python3 Scripts/check_llama_types.py "$work/model-F32.gguf" "$work/text.txt" \
    --llama "$llama/bin" --skein "$skein" --context 128
