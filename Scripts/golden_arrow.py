"""Tests/Golden/arrow: a stream of every type that SkeinSpark reads, by pyarrow (made with 26.0.1)."""

import json
import sys

import pyarrow as pa

schema = pa.schema(
    [
        ("flag", pa.bool_()),
        ("tiny", pa.int8()),
        ("small", pa.int16()),
        ("int", pa.int32()),
        ("long", pa.int64()),
        ("single", pa.float32()),
        ("double", pa.float64()),
        ("text", pa.string()),
        ("raw", pa.binary()),
        ("list", pa.list_(pa.float32())),
        ("pair", pa.struct([("a", pa.int64()), ("b", pa.string())])),
        ("nothing", pa.null()),
    ]
)
rows = [
    [True, -128, 32767, -(2**31), 2**63 - 1, 0.1, 1e300, "", b"", [], {"a": 1, "b": "x"}, None],
    [None, None, None, None, None, None, None, None, None, None, None, None],
    [False, 127, -1, 7, -(2**63), -2.5, -0.0, "tür\tü", b"\x00\xff", [1.5, 2.5], {"a": 2, "b": "yz"}, None],
    [True, 0, 0, 0, 0, 3.25, 2.0, "four", b"abc", [3.5], {"a": 3, "b": ""}, None],
]


def table(rows):
    columns = [pa.array([row[i] for row in rows], field.type) for i, field in enumerate(schema)]
    return pa.record_batch(columns, schema=schema)


folder = sys.argv[1]
with pa.OSFile(f"{folder}/types.arrows", "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
    writer.write_batch(table(rows))
    writer.write_batch(table([]))
    writer.write_batch(table(rows[2:]))


def plain(value):
    return list(value) if isinstance(value, bytes) else value


with open(f"{folder}/types.json", "w") as file:
    json.dump({"rows": [[plain(v) for v in row] for row in rows], "pyarrow": pa.__version__}, file)
