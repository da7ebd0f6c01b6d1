#!/usr/bin/env python3
"""Check with the formats' own Python packages what the tests have written.

    SKEIN_WRITTEN=DIR swift test -c release --filter FileWritingTests
    python3 Scripts/check_formats.py DIR

Reads every tensor and metadata value of `written.safetensors` and `written.gguf`, decodes all block
types with gguf's own decoder, and compares with the values that were encoded. Versions used:
safetensors 0.8.0, gguf 0.19.0.
"""

import pathlib
import sys

import gguf
import numpy as np
from safetensors import safe_open

# Root mean square error over root mean square of normal values: a tenth above what a range of
# four to five deviations per block, split into the type's steps, leads one to expect.
LIMITS = {"F32": 0, "F16": 3e-4, "BF16": 3e-3, "Q8_0": 0.006, "Q4_0": 0.1, "Q4_1": 0.09,
          "Q5_0": 0.05, "Q5_1": 0.045, "Q4_K": 0.085, "Q5_K": 0.042, "Q6_K": 0.025}


def main():
    folder = pathlib.Path(sys.argv[1])
    with safe_open(folder / "written.safetensors", "np") as file:
        assert file.metadata() == {"format": "pt", "note": "é"}, file.metadata()
        x = file.get_tensor("x")
        assert x.shape == (4, 256) and x.dtype == np.float32
        assert file.get_tensor("flag").tolist() == [True, False]
        assert file.get_tensor("empty").shape == (0, 3)
    reader = gguf.GGUFReader(folder / "written.gguf")
    fields = {key: field.contents() for key, field in reader.fields.items()}
    assert fields["general.architecture"] == "test" and fields["s"] == ["a", "é"], fields
    assert fields["n"] == -3 and fields["general.alignment"] == 64, fields
    seen = set()
    for tensor in reader.tensors:
        kind = tensor.tensor_type.name
        if tensor.tensor_type == gguf.GGMLQuantizationType.BF16:
            wide = tensor.data.view(np.uint16).astype(np.uint32) << 16
            values = wide.view(np.float32)
        else:
            values = gguf.dequantize(tensor.data, tensor.tensor_type)
        values = values.reshape(x.shape).astype(np.float64)
        error = np.sqrt(np.mean((values - x) ** 2) / np.mean(x.astype(np.float64) ** 2))
        print(f"{kind:5} {tensor.n_bytes:6} bytes, relative error {error:.5f}")
        assert error <= LIMITS[kind], f"{kind}: {error} above {LIMITS[kind]}"
        seen.add(kind)
    assert seen == set(LIMITS), seen
    print("all read")


if __name__ == "__main__":
    main()
