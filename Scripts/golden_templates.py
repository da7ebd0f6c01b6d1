"""Golden files for the chat template renderer.

    python3 Scripts/golden_templates.py golden        writes Tests/Golden/templates/*.json
    python3 Scripts/golden_templates.py random N OUT  writes N random cases
    python3 Scripts/golden_templates.py folder DIR OUT  renders every DIR/**/*.jinja

Made with jinja2 3.1.6 and Python 3.11, seed 20261123; the environment is set up as transformers 5 does.
"""

import copy
import datetime
import functools
import json
import pathlib
import random
import re
import sys

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.sandbox

ROOT = pathlib.Path(__file__).resolve().parent.parent
NOW = datetime.datetime(2025, 7, 4, 9, 5, 3)


class Generation(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        call = self.call_method("_body")
        return jinja2.nodes.CallBlock(call, [], [], body).set_lineno(line)

    def _body(self, caller):
        return caller()


def environment():
    env = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(
            x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
        )

    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = NOW.strftime
    return env


ENV = environment()


@functools.lru_cache(maxsize=8)
def compiled(template):
    return ENV.from_string(template)


def case(template, context):
    try:
        output = compiled(template).render(**copy.deepcopy(context))  # `indent` appends to a list
    except Exception as error:  # whatever Python raises, ours must raise too
        return {"template": template, "context": context, "error": type(error).__name__}
    return {"template": template, "context": context, "output": output}


def conversations():
    tool = {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "Says <what> the \"weather\" is, à Paris",
            "parameters": {
                "type": "object",
                "properties": {
                    "city": {"type": "string", "description": "a city"},
                    "days": {"type": "integer", "enum": [1, 2, 3]},
                },
                "required": ["city"],
            },
        },
    }
    user = {"role": "user", "content": "Hello, how are you?"}
    answer = {"role": "assistant", "content": "  Fine, thanks.\n"}
    system = {"role": "system", "content": "Be brief."}
    call = {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": "abcdef123",
                "type": "function",
                "function": {"name": "weather", "arguments": {"city": "Zürich", "days": 2}},
            }
        ],
    }
    call_text = {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {
                "id": "abcdef124",
                "type": "function",
                "function": {"name": "weather", "arguments": "{\"city\": \"Oslo\"}"},
            }
        ],
    }
    result = {"role": "tool", "tool_call_id": "abcdef123", "name": "weather", "content": "{\"t\": 21.5}"}
    thinking = {"role": "assistant", "content": "<think>\nhm\n</think>\n\nYes."}
    parts = {
        "role": "user",
        "content": [{"type": "text", "text": "What is this?"}, {"type": "image", "image": "a.png"},
                    {"type": "text", "text": " 画像です"}],
    }
    plain = [
        [user],
        [system, user],
        [user, answer, {"role": "user", "content": "日本語 é e\u0301 👩‍👩‍👧 \"x\" 'y' \\"}],
        [{"role": "system", "content": ""}, user, answer, user],
        [system, user, thinking, user, thinking, user],
        [parts],
        [user, call, result, answer, user],
        [user, call_text, result],
        [{"role": "assistant", "content": "first"}, user],
        [user, {"role": "assistant", "content": "a", "reasoning_content": "because\n"}, user],
        [],
        [system] + [user, answer] * 20 + [user],
    ]
    out = []
    for index, messages in enumerate(plain):
        for tools in [None, [tool]] if index < 8 else [None]:
            for prompt in (True, False):
                out.append(
                    {
                        "messages": messages,
                        "tools": tools,
                        "add_generation_prompt": prompt,
                        "bos_token": "<s>",
                        "eos_token": "</s>",
                    }
                )
    return out


def golden():
    folder = ROOT / "Tests/Golden/templates"
    folder.mkdir(parents=True, exist_ok=True)
    cases = []
    sets = conversations()
    for path in sorted(folder.glob("*.jinja")):
        text = path.read_text()
        cases += [
            {**case(text, c), "template": None, "file": path.name, "context": None, "set": i}
            for i, c in enumerate(sets)
        ]
    dump(folder / "conversations.json", sets)
    dump(folder / "templates.json", cases)
    dump(folder / "random.json", randoms(500))


def dump(path, values):
    lines = ",\n".join(json.dumps(v, ensure_ascii=False) for v in values)
    pathlib.Path(path).write_text("[\n" + lines + "\n]\n")


CONTEXT = {
    "s": "Hello World", "u": "Grüße, 世界 👋", "e": "", "n": 7, "m": -3, "f": 2.5, "t": True, "z": None,
    "xs": [3, 1, 2], "ws": ["b", "A", "c", "a"], "d": {"b": 1, "a": {"x": [1, 2]}, "k": "v"},
    "rows": [{"k": "x", "v": 2}, {"k": "Y", "v": 1}, {"k": "x", "v": 0}], "text": " one two\nthree \n",
}


class Grammar:
    def __init__(self, rng):
        self.rng = rng

    def pick(self, *options):
        return self.rng.choice(options)

    def expr(self, depth=0):
        r = self.rng.random()
        if depth > 3 or r < 0.25:
            return self.atom()
        e = lambda: self.expr(depth + 1)
        if r < 0.50:
            return f"{self.operand(depth)}|{self.filter(depth)}"
        if r < 0.58:
            return f"({e()} {self.pick('+', '-', '*', '/', '//', '%', '~')} {e()})"
        if r < 0.65:
            return f"({e()} {self.pick('==', '!=', '<', '>=', 'in', 'not in', 'and', 'or')} {e()})"
        if r < 0.70:
            return f"({e()} is {self.pick('', 'not ')}{self.test()})"
        if r < 0.74:
            return f"({e()} if {e()} else {e()})"
        if r < 0.86:
            return f"{self.operand(depth)}.{self.method()}"
        if r < 0.93:
            return f"{self.operand(depth)}[{self.index()}]"
        return self.pick(f"[{e()}, {e()}]", f"({e()}, {e()})", f"{{'q': {e()}}}", f"not {e()}", f"-{self.operand(depth)}")

    def operand(self, depth):
        return self.atom() if self.rng.random() < 0.7 else f"({self.expr(depth + 1)})"

    def atom(self):
        return self.pick(
            "s", "u", "e", "n", "m", "f", "t", "z", "xs", "ws", "d", "rows", "text", "nope", "1", "0", "2.0",
            "'a-b_c'", "'%s|%05.2f' % ('x', 1.5)", "true", "none", "[]", "d.a.x", "d['k']", "range(4)", "-5", "1e20", "0.1", "rows[0]",
        )

    def index(self):
        return self.pick("0", "-1", "1:", ":2", "::-1", "5", "1:-1", "::2", "'k'", "-3:", "n", "4:0:-1")

    def filter(self, depth):
        return self.pick(
            "default('D')", "default('D', true)", "length", "join(',')", "tojson", "tojson(indent=2)", "trim",
            "upper", "lower", "title", "capitalize", "replace('o', '0')", "first", "last", "list", "string",
            "int", "float", "abs", "round", "round(1)", "items|list", "dictsort", "sort", "unique|list",
            "reverse|list", "map('upper')|list", "select|list", "reject('none')|list", "sort(reverse=true)",
            "selectattr('v', 'gt', 0)|list", "rejectattr('v')|list", "indent", "indent(2, true)", "batch(2)|list",
            "slice(2)|list", "sum", "min", "max", "escape", "wordcount", "truncate(8)", "center(15)",
            "groupby('k')|list", "map(attribute='k')|join('+')", "batch(2, 'F')|list", "urlencode", "trim('H ')",
            "sum(attribute='v')", "truncate(5, true, '~', 0)", "tojson(separators=(',', ':'), sort_keys=true)",
            "map('length')|list", "select('in', [1, 'a'])|list", "sort(attribute='v')|list", "int(9)", "count",
        )

    def test(self):
        return self.pick(
            "defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "true", "false",
            "mapping", "iterable", "sequence", "even", "odd", "divisibleby(3)", "eq 7", "in [1, 7]", "lower",
            "upper", "gt 2", "sameas none",
        )

    def method(self):
        return self.pick(
            "strip()", "lstrip()", "rstrip('d')", "split()", "split('o')", "rsplit(' ', 1)", "splitlines()",
            "startswith('H')", "endswith(('d', 'x'))", "replace('l', 'L', 1)", "upper()", "lower()", "title()",
            "capitalize()", "find('o')", "rfind('o')", "count('l')", "join(ws)", "removeprefix('He')",
            "removesuffix('ld')", "isdigit()", "isalpha()", "items()|list", "keys()|list", "values()|list",
            "get('k')", "get('zz', 9)", "index(1)", "k", "a.x", "append(1)", "split('-')[0]", "partition(' ')",
            "zfill(9)", "center(14, '*')", "swapcase()", "isupper()", "nothing", "split(None, 1)",
        )

    def space(self):
        return self.pick("", "", "-", "+")

    def statement(self, depth=0):
        s = self.space
        inner = lambda: self.text() + (self.statement(depth + 1) if depth < 2 else "{{ " + self.expr() + " }}")
        kind = self.rng.randrange(9)
        if kind < 3:
            return f"{{{{{self.pick('', '-')} {self.expr()} {self.pick('', '-')}}}}}"
        if kind == 3:
            return (
                f"{{%{s()} for x in {self.expr(2)} {s()}%}}{self.text()}{{{{ loop.index }}}}{{{{ x }}}}{inner()}"
                f"{{%{s()} else {s()}%}}none{{%{s()} endfor {s()}%}}"
            )
        if kind == 4:
            return f"{{%{s()} if {self.expr(1)} {s()}%}}{inner()}{{%{s()} else %}}{inner()}{{% endif {s()}%}}"
        if kind == 5:
            return f"{{%{s()} set v = {self.expr(1)} {s()}%}}{inner()}{{{{ v }}}}"
        if kind == 6:
            return (
                "{% set ns = namespace(i=0) %}{% for x in xs %}{% set ns.i = ns.i + x %}"
                f"{{% if loop.last %}}{{% break %}}{{% endif %}}{inner()}{{% endfor %}}{{{{ ns.i }}}}"
            )
        if kind == 7:
            return (
                f"{{% macro mm(a, b={self.atom()}) {s()}%}}{self.text()}{{{{ a }}}}:{{{{ b }}}}{{%{s()} endmacro %}}"
                f"{{{{ mm({self.expr(2)}) }}}}"
            )
        return f"{{%{s()} set blk %}}{inner()}{{% endset {s()}%}}{{# note {s()}#}}{{{{ blk|length }}}}{{{{ blk }}}}"

    def text(self):
        return self.pick("", " ", "\n", "text", "\n  ", "  \n\t", "a\n", " b ")


def randoms(count):
    rng = random.Random(20261123)
    grammar = Grammar(rng)
    out = []
    while len(out) < count:
        if rng.random() < 0.6:
            template = "{{ " + grammar.expr() + " }}"
        else:
            template = "".join(grammar.text() + grammar.statement() for _ in range(rng.randrange(1, 4)))
        # jinja2 folds slices of constants at compile time, where they do not raise; not imitated
        if re.search(r"(\b(\d[\w.]*|none|true)|\))\[[^\]]*:", template):
            continue
        made = {**case(template, CONTEXT)}
        made.pop("context")
        if any(word in made.get("output", "") for word in (" object ", "object at", "<built-in", "<bound")):
            continue
        if len(made.get("output", "")) < 2000:
            out.append(made)
    out[0]["context"] = CONTEXT
    return out


def folder(directory, path):
    cases = []
    for file in sorted(pathlib.Path(directory).rglob("*.jinja")):
        for context in conversations():
            cases.append({**case(file.read_text(), context), "name": file.name})
    dump(path, cases)
    print(len(cases), "cases,", sum("error" in c for c in cases), "raise")


if __name__ == "__main__":
    if sys.argv[1] == "golden":
        golden()
    elif sys.argv[1] == "random":
        dump(sys.argv[3], randoms(int(sys.argv[2])))
    else:
        folder(sys.argv[2], sys.argv[3])
