#!/usr/bin/env python3
"""Write the golden files of the file-format tests into Tests/Golden/formats.

    python3 Scripts/golden_formats.py

Everything is made by the formats' own Python packages from seed 7, so that the readers are checked
against other people's writers. Versions used: safetensors 0.8.0, gguf 0.19.0, numpy 2.4.6.
"""

import json
import pathlib

import gguf
import numpy as np
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch_file
import torch

OUT = pathlib.Path(__file__).resolve().parent.parent / "Tests" / "Golden" / "formats"
ENCODED = ["Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"]
BLOCKS = ENCODED + ["Q4_K", "Q5_K", "Q6_K"]


def number_lists(tensors):
    return {name: [float(x) for x in np.asarray(value, np.float64).ravel()]
            for name, value in tensors.items()}


def write_safetensors(rng):
    tensors = {
        "matrix": torch.from_numpy(rng.normal(size=(3, 5)).astype(np.float32)),
        "half": torch.from_numpy(np.array([0, -0.0, 1, -1.5, 65504, 6e-8, 6.1e-5], np.float16)),
        "brain": torch.tensor([1, -2.5, 3e38, 1e-38]).to(torch.bfloat16),
        "double": torch.tensor([0.1, -1e300 / 1e290], dtype=torch.float64),
        "byte": torch.tensor([0, 7, 255], dtype=torch.uint8),
        "int8": torch.tensor([-128, 127], dtype=torch.int8),
        "int16": torch.tensor([[-32768, 32767]], dtype=torch.int16),
        "int32": torch.tensor([-5, 1 << 20], dtype=torch.int32),
        "int64": torch.tensor([1 << 40], dtype=torch.int64),
        "flags": torch.tensor([True, False, True]),
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 4),
        "naïve \"quoted\"\n": torch.tensor([4.0]),
    }
    save_torch_file(tensors, OUT / "types.safetensors", metadata={"format": "pt"})
    shapes = {name: list(value.shape) for name, value in tensors.items()}
    values = number_lists({name: value.to(torch.float64).numpy()
                           for name, value in tensors.items()})
    expected = {name: {"shape": shapes[name], "values": values[name]} for name in tensors}
    (OUT / "types.safetensors.json").write_text(json.dumps(expected, indent=1) + "\n")

    shards = OUT / "sharded"
    shards.mkdir(exist_ok=True)
    halves = [{"a": np.float32([1, 2]), "b": np.float32([[3], [4]])}, {"c": np.float32([5])}]
    index = {"metadata": {"total_size": 20}, "weight_map": {}}
    for number, half in enumerate(halves, 1):
        name = f"model-{number:05}-of-00002.safetensors"
        save_file(half, shards / name)
        index["weight_map"].update({key: name for key in half})
    (shards / "model.safetensors.index.json").write_text(json.dumps(index, indent=1) + "\n")


def random_blocks(rng, kind):
    """Two rows of 256 values in blocks of random codes with ordinary scales."""
    values, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[kind]]
    blocks = rng.integers(0, 256, (512 // values, size), dtype=np.uint8)
    halves = {"Q4_K": (0, 2), "Q5_K": (0, 2), "Q6_K": (208,), "Q4_1": (0, 2), "Q5_1": (0, 2)}
    for place in halves.get(kind, (0,)):
        scale = rng.uniform(0.01, 0.1, (len(blocks), 1)).astype(np.float16)
        blocks[:, place:place + 2] = scale.view(np.uint8)
    return blocks.reshape(2, -1)


def write_gguf(rng):
    writer = gguf.GGUFWriter(OUT / "types.gguf", "test")
    writer.add_uint8("v.uint8", 255)
    writer.add_int8("v.int8", -128)
    writer.add_uint16("v.uint16", 65535)
    writer.add_int16("v.int16", -32768)
    writer.add_uint32("v.uint32", 4294967295)
    writer.add_int32("v.int32", -2147483648)
    writer.add_float32("v.float32", 0.1)
    writer.add_bool("v.bool", True)
    writer.add_string("v.string", "héllo\n世界")
    writer.add_uint64("v.uint64", 2**64 - 1)
    writer.add_int64("v.int64", -(2**63))
    writer.add_float64("v.float64", 0.1)
    writer.add_array("a.strings", ["", "▁the", "é", "e\u0301"])
    writer.add_array("a.integers", [1, -2, 3])
    writer.add_array("a.floats", [0.5, -1.25])
    writer.add_array("a.booleans", [True, False])
    expected = {}
    plain = {
        "f32": rng.normal(size=(2, 3)).astype(np.float32),
        "f16": rng.normal(size=(2, 2, 4)).astype(np.float16),
        "i32": np.array([1, -7], np.int32),
        "i8": np.array([[-1, 1, 5]], np.int8),
    }
    for name, value in plain.items():
        writer.add_tensor(name, value)
        expected[name] = value.astype(np.float32)
    for kind in BLOCKS:
        kind_id = gguf.GGMLQuantizationType[kind]
        blocks = random_blocks(rng, kind)
        writer.add_tensor(kind, blocks, raw_dtype=kind_id)
        expected[kind] = gguf.dequantize(blocks, kind_id)
    for step in (writer.write_header_to_file, writer.write_kv_data_to_file,
                 writer.write_tensors_to_file, writer.close):
        step()
    save_file(expected, OUT / "types.gguf.safetensors")

    split = gguf.GGUFWriter(OUT / "split.gguf", "test", split_max_tensors=2)
    for number in range(5):
        split.add_tensor(f"t{number}", np.float32([number, number + 0.5]))
    for step in (split.write_header_to_file, split.write_kv_data_to_file,
                 split.write_tensors_to_file, split.close):
        step()


def write_encodings(rng):
    """Inputs and the reference encoder's bytes, as one safetensors file."""
    x = rng.normal(size=(4, 256)).astype(np.float32)
    x[1] *= 1e-3
    x[2, :32] = 0
    x[3, 5] = 1000
    tensors = {"x": x}
    for kind in ENCODED:
        tensors[kind] = gguf.quantize(x, gguf.GGMLQuantizationType[kind])
    save_file(tensors, OUT / "encodings.safetensors")


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(7)
    write_safetensors(rng)
    write_gguf(rng)
    write_encodings(rng)
    for path in OUT.rglob("*.safetensors"):
        path.chmod(0o644)


if __name__ == "__main__":
    main()
