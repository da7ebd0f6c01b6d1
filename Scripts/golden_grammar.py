"""Writes Tests/Golden/grammar/schemas.json: JSON schemas, texts, and whether jsonschema accepts them.

Usage: python Scripts/golden_grammar.py    (jsonschema 4.26.0, seed 7)

Objects of the texts list declared members in declared order and others after them, as the grammar
does; numbers are written without exponents.
"""

import json
import pathlib
import random

import jsonschema

SEED = 7
SCHEMAS = 160
TEXTS = 8
NAMES = ["a", "ab", "b", "id", "ké", "n\"q", "name"]
EXTRA = ["x1", "y", "zé"]
WORDS = ["", "a", "ab", "é", "日本", "x\ny", 'q"t', "\\", "😀", "hello world", "abc", "12"]
PATTERNS = ["^[a-c]+$", "^\\d{2,4}$", "ab", "^(foo|b.r)?$", "^\\w+@\\w+$", "[^a]$"]


def scalar(rng):
    return rng.choice([None, True, False, rng.randint(-20, 20), rng.choice(WORDS),
                       round(rng.uniform(-9, 9), 2) + 0.001])


def value(rng, depth=2):
    kind = rng.random()
    if depth == 0 or kind < 0.6:
        return scalar(rng)
    if kind < 0.8:
        return [value(rng, depth - 1) for _ in range(rng.randint(0, 3))]
    return {key: value(rng, depth - 1) for key in EXTRA if rng.random() < 0.5}


def schema(rng, depth):
    kinds = ["string", "integer", "number", "boolean", "null", "enum", "const", "pattern", "list"]
    if depth > 0:
        kinds += ["object"] * 5 + ["array"] * 3 + ["tuple", "anyOf", "allOf", "any"]
    kind = rng.choice(kinds)
    result = {}
    if kind == "string":
        result["type"] = "string"
        if rng.random() < 0.5:
            result["minLength"] = rng.randint(0, 3)
        if rng.random() < 0.5:
            result["maxLength"] = rng.randint(2, 6)
    elif kind == "pattern":
        result = {"type": "string", "pattern": rng.choice(PATTERNS)}
    elif kind in ("integer", "number"):
        result["type"] = kind
        low = rng.randint(-30, 20)
        if rng.random() < 0.6:
            result[rng.choice(["minimum", "exclusiveMinimum"])] = low
        if rng.random() < 0.6:
            high = low + rng.randint(2, 120)
            if kind == "number" and rng.random() < 0.5:
                high = high + rng.choice([0.5, 0.25, 0.125])
            result[rng.choice(["maximum", "exclusiveMaximum"])] = high
    elif kind in ("boolean", "null"):
        result["type"] = kind
    elif kind == "list":
        result["type"] = rng.sample(["string", "integer", "null", "boolean"], 2)
    elif kind == "enum":
        result["enum"] = [scalar(rng) for _ in range(3)] + [value(rng)]
    elif kind == "const":
        result["const"] = value(rng)
    elif kind == "any":
        return rng.choice([True, {}])
    elif kind == "array":
        result = {"type": "array", "items": schema(rng, depth - 1)}
        if rng.random() < 0.5:
            result["minItems"] = rng.randint(0, 2)
        if rng.random() < 0.5:
            result["maxItems"] = rng.randint(2, 4)
    elif kind == "tuple":
        result = {"type": "array", "prefixItems": [schema(rng, depth - 1) for _ in range(2)]}
        result["items"] = rng.choice([False, schema(rng, 0)])
        if rng.random() < 0.5:
            result["minItems"] = rng.randint(0, 3) if result["items"] else rng.randint(0, 2)
    elif kind == "anyOf":
        result["anyOf"] = [schema(rng, 0), closed(rng, depth - 1)]
    elif kind == "allOf":
        names = [name for name in NAMES if rng.random() < 0.6]
        cut = rng.randint(0, len(names))
        result["allOf"] = [members(rng, part, depth - 1) for part in (names[:cut], names[cut:])]
    else:
        result = closed(rng, depth - 1)
        more = rng.random()
        if more < 0.3:
            del result["additionalProperties"]
        elif more < 0.5:
            result["additionalProperties"] = schema(rng, 0)
    return result


def members(rng, names, depth):
    result = {"type": "object", "properties": {name: schema(rng, depth) for name in names}}
    result["required"] = [name for name in names if rng.random() < 0.5]
    return result


def closed(rng, depth):
    result = members(rng, [name for name in NAMES if rng.random() < 0.5], depth)
    result["additionalProperties"] = False
    return result


def sample(rng, schema, depth=6):
    if schema is True or schema == {} or schema is False or depth == 0:
        return value(rng)
    if "enum" in schema:
        return rng.choice(schema["enum"])
    if "const" in schema:
        return schema["const"]
    if "$ref" in schema:
        return scalar(rng)
    if "anyOf" in schema:
        return sample(rng, rng.choice(schema["anyOf"]), depth - 1)
    if "allOf" in schema:
        result = {}
        for part in schema["allOf"]:
            result.update(sample(rng, part, depth - 1))
        return dict(sorted(result.items(), key=lambda item: (NAMES + EXTRA).index(item[0])))
    kind = schema["type"]
    if isinstance(kind, list):
        kind = rng.choice(kind)
    if kind == "null":
        return None
    if kind == "boolean":
        return rng.random() < 0.5
    if kind == "string":
        if "pattern" in schema:
            return rng.choice(["abc", "12", "123", "foo", "bar", "a@b", "xab", "", "b"])
        return rng.choice(WORDS)
    if kind in ("integer", "number"):
        low = schema.get("minimum", schema.get("exclusiveMinimum", -30))
        high = schema.get("maximum", schema.get("exclusiveMaximum", low + 60))
        edge = rng.choice([low, high, rng.uniform(low - 1, high + 1)])
        if kind == "integer":
            return int(edge)
        edge = round(edge, rng.randint(1, 3))
        return int(edge) if edge == int(edge) else edge
    if kind == "array":
        prefix = schema.get("prefixItems", [])
        count = rng.randint(schema.get("minItems", 0), schema.get("maxItems", 4))
        items = schema.get("items", True)
        return [sample(rng, prefix[i] if i < len(prefix) else items, depth - 1)
                for i in range(count)]
    result = {}
    for name, part in schema.get("properties", {}).items():
        if name in schema.get("required", []) or rng.random() < 0.5:
            result[name] = sample(rng, part, depth - 1)
    if schema.get("additionalProperties", True) is not False or rng.random() < 0.1:
        for name in EXTRA:
            if rng.random() < 0.3:
                result[name] = sample(rng, schema.get("additionalProperties", True), depth - 1)
    return result


def damaged(rng, instance):
    """The instance with one part replaced or removed."""
    if isinstance(instance, dict) and instance and rng.random() < 0.8:
        key = rng.choice(list(instance))
        copy = dict(instance)
        if rng.random() < 0.4:
            del copy[key]
        else:
            copy[key] = damaged(rng, copy[key])
        return copy
    if isinstance(instance, list) and instance and rng.random() < 0.8:
        place = rng.randrange(len(instance))
        copy = list(instance)
        if rng.random() < 0.4:
            del copy[place]
        else:
            copy[place] = damaged(rng, copy[place])
        return copy
    return value(rng)


WRITTEN = [
    ({"$defs": {"tree": {"type": "object", "properties": {
        "v": {"type": "integer"}, "kids": {"type": "array", "items": {"$ref": "#/$defs/tree"}}},
        "required": ["v"], "additionalProperties": False}}, "$ref": "#/$defs/tree"},
     [{"v": 1}, {"v": 1, "kids": []}, {"v": 1, "kids": [{"v": 2, "kids": [{"v": 3}]}]},
      {"v": 1, "kids": [{"kids": []}]}, {"v": "1"}, [], {"v": 1, "w": 2}]),
    ({"type": "object", "properties": {"next": {"$ref": "#"}}, "additionalProperties": False},
     [{}, {"next": {}}, {"next": {"next": {"next": {}}}}, {"next": 1}, {"next": {"other": 1}}]),
    ({"type": "object", "properties": {"d": {"type": "string", "format": "date"}}},
     [{"d": "2024-02-29"}, {"d": "2023-02-29"}, {"d": "1900-02-29"}, {"d": "2000-02-29"},
      {"d": "2024-04-31"}, {"d": "2024-12-31"}, {"d": "2024-1-1"}]),
    ({"type": "object", "required": ["k"], "additionalProperties": {"type": "integer"}},
     [{}, {"k": 1}, {"k": 1, "z": 2}, {"k": "1"}, {"k": 1, "z": ""}]),
    ({"type": "object", "properties": {"kind": False, "b": True}},
     [{"b": 1}, {"kind": 1}, {}, {"b": [], "kinds": 2}, {"kin": 0}]),
]


def main():
    rng = random.Random(SEED)
    pairs = list(WRITTEN)
    while len(pairs) < SCHEMAS:
        made = schema(rng, 3)
        pairs.append((made, None))
    records = []
    for made, instances in pairs:
        validator = jsonschema.Draft202012Validator(
            made, format_checker=jsonschema.FormatChecker(["date"]))
        if instances is None:
            instances = []
            for _ in range(TEXTS):
                instance = sample(rng, made)
                instances.append(instance if rng.random() < 0.6 else damaged(rng, instance))
        cases = []
        for instance in instances:
            layout = rng.choice([{}, {"separators": (",", ":")}, {"indent": 2}])
            text = json.dumps(instance, ensure_ascii=False, **layout)
            if len(text) < 400 and text not in [case[0] for case in cases]:
                cases.append([text, validator.is_valid(instance)])
        records.append({"schema": made, "cases": cases})
    path = pathlib.Path(__file__).parent.parent / "Tests/Golden/grammar/schemas.json"
    body = ",\n".join(json.dumps(record, ensure_ascii=False) for record in records)
    path.write_text("[\n" + body + "\n]\n")
    cases = [case for record in records for case in record["cases"]]
    print(len(records), "schemas", len(cases), "texts", sum(case[1] for case in cases), "valid")


main()
