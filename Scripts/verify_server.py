#!/usr/bin/env python3
"""Check `skein serve` with the official OpenAI client and with raw sockets.

    Scripts/verify_server.py --skein PATH [--requests 10000] [--only SECTION]

Starts the server on a free port of this machine with the model in Models/stories, runs every section
and prints one line each; the exit status says whether all passed. Needs `pip install openai jsonschema`
(written with 3.57.0 and 4.26.0) and, for one section, Debian's wrk. All traffic stays on 127.0.0.1.
"""

import argparse
import asyncio
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import jsonschema
import openai

TOOL = {"type": "function", "function": {"name": "fly", "parameters": {
    "type": "object", "properties": {"to": {"enum": ["south", "north"]}}, "required": ["to"],
    "additionalProperties": False}}}
HERE = os.path.dirname(os.path.abspath(__file__))
STORIES = os.path.join(HERE, "..", "Models", "stories")
USER = [{"role": "user", "content": "geese"}]
SCHEMA = {"type": "object", "properties": {
    "name": {"type": "string", "maxLength": 8}, "count": {"type": "integer", "minimum": 1, "maximum": 20},
    "tags": {"type": "array", "items": {"enum": ["tall", "small"]}, "maxItems": 2}},
    "required": ["name", "count", "tags"], "additionalProperties": False}
LOOPING = "One day the goose went to the pond. One day the goose went to the pond. One day the"


class Skipped(Exception):
    """A section that this machine cannot run; the reason is printed."""


class Server:
    def __init__(self, skein, *flags, port=None):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = port or s.getsockname()[1]
        self.base = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [skein, "serve", "--port", str(self.port), "--log-level", "error", *flags],
            stderr=subprocess.DEVNULL)
        end = time.time() + 60
        while True:
            try:
                urllib.request.urlopen(self.base + "/health", timeout=2)
                break
            except OSError:
                if self.process.poll() is not None or time.time() > end:
                    raise SystemExit(f"skein serve did not come up: {self.process.args}")
                time.sleep(0.05)
        self.client = openai.OpenAI(base_url=self.base + "/v1", api_key="none", max_retries=0)

    def resident(self):
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024

    def slots(self):
        return json.load(urllib.request.urlopen(self.base + "/slots"))["slots"]

    def is_idle(self, seconds=5):
        end = time.time() + seconds
        while time.time() < end:
            if not self.slots():
                return True
            time.sleep(0.05)
        return False


def chat(s, args):
    a = s.client.chat.completions.create(model="stories", messages=USER, seed=3, max_tokens=20)
    b = s.client.chat.completions.create(model="stories", messages=USER, seed=3, max_tokens=20)
    assert a.choices[0].message.content == b.choices[0].message.content
    chunks = list(s.client.chat.completions.create(
        model="stories", messages=USER, seed=3, max_tokens=20, stream=True,
        stream_options={"include_usage": True}))
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == a.choices[0].message.content, (text, a)
    assert chunks[-1].usage.completion_tokens == a.usage.completion_tokens
    many = s.client.chat.completions.create(model="stories", messages=USER, n=3, seed=3, max_tokens=8)
    assert len({c.message.content for c in many.choices}) > 1 and len(many.choices) == 3
    return f"{len(chunks)} chunks"


def scores(s, args):
    a = s.client.chat.completions.create(
        model="stories", messages=USER, temperature=0, max_tokens=6, logprobs=True, top_logprobs=4)
    for entry in a.choices[0].logprobs.content:
        assert len(entry.top_logprobs) == 4 and entry.logprob == entry.top_logprobs[0].logprob
        assert bytes(entry.bytes).decode() == entry.token
    c = s.client.completions.create(
        model="stories", prompt="There was once a", echo=True, max_tokens=0, logprobs=1)
    assert c.choices[0].text == "There was once a"
    assert c.choices[0].logprobs.token_logprobs[0] is None
    assert all(x < 0 for x in c.choices[0].logprobs.token_logprobs[1:])
    barred = a.choices[0].logprobs.content[0].token
    ids = json.load(urllib.request.urlopen(urllib.request.Request(
        s.base + "/tokenize", json.dumps({"prompt": barred, "add_special_tokens": False}).encode())))
    if ids["count"] == 1:
        d = s.client.chat.completions.create(
            model="stories", messages=USER, temperature=0, max_tokens=1,
            logit_bias={str(ids["tokens"][0]): -100})
        assert d.choices[0].message.content != barred
    return "chat, echo, bias"


def stops(s, args):
    ask = dict(model="stories", prompt="There was once a", temperature=0, max_tokens=60)
    whole = s.client.completions.create(**ask).choices[0].text
    stop = " ".join(whole.split()[8:10])
    a = s.client.completions.create(**ask, stop=[stop])
    assert a.choices[0].text == whole[: whole.index(stop)], a.choices[0].text
    assert a.choices[0].finish_reason == "stop"
    return "stop strings"


def structure(s, args):
    for seed in range(10):
        a = s.client.chat.completions.create(
            model="stories", messages=USER, seed=seed, max_tokens=150, response_format={
                "type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": SCHEMA}})
        jsonschema.validate(json.loads(a.choices[0].message.content), SCHEMA)
    a = s.client.chat.completions.create(
        model="stories", messages=USER, tools=[TOOL], tool_choice="required", max_tokens=150, seed=1)
    call = a.choices[0].message.tool_calls[0]
    assert call.function.name == "fly" and json.loads(call.function.arguments)["to"]
    assert a.choices[0].finish_reason == "tool_calls"
    stream = list(s.client.chat.completions.create(
        model="stories", messages=USER, tools=[TOOL], max_tokens=150, seed=1, stream=True,
        tool_choice={"type": "function", "function": {"name": "fly"}}))
    pieces = [t for c in stream if c.choices for t in c.choices[0].delta.tool_calls or []]
    assert pieces[0].function.name == "fly" and pieces[0].id
    json.loads("".join(p.function.arguments or "" for p in pieces))
    return "schema, tools, streamed tools"


def responses(s, args):
    a = s.client.responses.create(model="stories", input="geese", max_output_tokens=12, temperature=0)
    events = list(s.client.responses.create(
        model="stories", input="geese", max_output_tokens=12, temperature=0, stream=True))
    text = "".join(e.delta for e in events if e.type == "response.output_text.delta")
    assert text == a.output_text and events[0].type == "response.created", (text, a.output_text)
    assert events[-1].response.usage.output_tokens == a.usage.output_tokens
    return f"{len(events)} events"


def errors(s, args):
    def expect(kind, **fields):
        try:
            s.client.chat.completions.create(**{"model": "stories", "messages": USER, **fields})
        except kind as error:
            assert error.body["message"], error
            return
        raise AssertionError(f"{fields} was taken")
    expect(openai.NotFoundError, model="other")
    for fields in ({"temperature": -1}, {"max_tokens": 0}, {"messages": []}, {"n": 0}, {"top_p": 2},
                   {"messages": [{"role": "user", "content": "x" * 5000}]}, {"logit_bias": {"a": 1}},
                   {"tools": [{}]}, {"response_format": {"type": "json_schema"}}):
        expect(openai.BadRequestError, **fields)
    return "404 and 400"


def cancel(s, args):
    stream = s.client.completions.create(
        model="stories", prompt="A", max_tokens=200, stream=True, extra_body={"ignore_eos": True})
    next(iter(stream))
    stream.close()
    assert s.is_idle(), "the slot stayed"
    return "the slot is free"


def together(s, args):
    async def run():
        client = openai.AsyncOpenAI(base_url=s.base + "/v1", api_key="none", max_retries=0)
        async def ask(n):
            a = await client.completions.create(
                model="stories", prompt=f"The {n % 7}", seed=n, max_tokens=24)
            return a.choices[0].text
        alone = [await ask(n) for n in range(64)]
        assert list(await asyncio.gather(*map(ask, range(64)))) == alone
        await client.close()
    asyncio.run(run())
    return "64 at once equal each alone"


def models(s, args):
    """Several models at once, one of them for embeddings, chosen by name; a key."""
    bert = os.path.join(HERE, "..", "Tests", "Golden", "models", "bert")
    two = Server(args.skein, "--model", f"{STORIES}=one", "--model", f"{STORIES}=two", "--max-tokens", "5",
                 "--embedding-model", f"{bert}=vectors", "--api-key", "secret")
    try:
        client = openai.OpenAI(base_url=two.base + "/v1", api_key="secret", max_retries=0)
        assert {m.id for m in client.models.list()} == {"one", "two", "vectors"}
        for name in ("one", "two"):
            a = client.chat.completions.create(model=name, messages=USER)
            assert a.model == name and a.usage.completion_tokens <= 5, a
        texts = ["geese fly", "a b c", "geese fly"]
        a = client.embeddings.create(model="vectors", input=texts)  # base64, as the client asks
        b = client.embeddings.create(model="vectors", input=texts, encoding_format="float")
        assert [e.embedding for e in a.data] == [e.embedding for e in b.data]
        assert a.data[0].embedding == a.data[2].embedding != a.data[1].embedding
        try:
            two.client.models.list()
            raise AssertionError("a wrong key was taken")
        except openai.AuthenticationError:
            pass
    finally:
        two.process.terminate()
        two.process.wait(20)
    return "two models, vectors, a key"


def drafts(s, args):
    """Guessing ahead changes no answer."""
    count, repeating = 0, {"guided_regex": "(one day the goose ){12}"}
    for fields, more in (({"temperature": 0}, {}), ({"temperature": 0.6, "seed": 5}, {}),
                         ({"temperature": 0}, repeating), ({"temperature": 0.6, "seed": 5}, repeating)):
        def ask(n):
            return s.client.completions.create(
                model="stories", prompt=LOOPING, max_tokens=120, logprobs=1,
                extra_body={"speculative.n_max": n, **more}, **fields)
        plain, drafted = ask(0), ask(16)
        assert drafted.choices == plain.choices, (plain, drafted)
        count += drafted.usage.completion_tokens_details.accepted_prediction_tokens
    assert count > 10
    return f"{count} drafts were right, the answers are the same"


def hammer(s, args):
    """wrk with 32 connections that stay open, one after another; all answers are 200."""
    if not shutil.which("wrk"):
        raise Skipped("no wrk on this machine")
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write('wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n'
                     'wrk.body = \'{"prompt": "There was once", "max_tokens": 4, "temperature": 0}\'\n')
        script.flush()
        out = subprocess.run(
            ["wrk", "-t1", "-c32", "-d3s", "-s", script.name, s.base + "/v1/completions"],
            capture_output=True, text=True, timeout=60).stdout
    rate = float(re.search(r"Requests/sec:\s+([0-9.]+)", out).group(1))
    assert rate > 1 and "Non-2xx" not in out and "Socket errors" not in out, out
    assert s.is_idle(), "slots stayed"
    return f"{rate:.0f} requests/s"


def malformed(s, args):
    def send(data, wait=1.0):
        with socket.create_connection(("127.0.0.1", s.port), timeout=5) as line:
            line.sendall(data)
            line.settimeout(wait)
            try:
                return line.recv(4096)
            except (TimeoutError, ConnectionResetError):
                return b""
    head = b"POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    def body(data):
        return head + b"Content-Length: %d\r\n\r\n" % len(data) + data
    for data in (b"\x00" * 100, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                 b"GET / HTTP/1.1\r\nA: " + b"b" * 200000 + b"\r\n\r\n",
                 head + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
                 head + b"Content-Length: -5\r\n\r\n", head + b"Content-Length: 99\r\n\r\n{",
                 body(b"{" * 100000), body(b'{"prompt":"\xff\xfe"}'), body(b'{"prompt":"a\x00b"}'), body(b'{"a":' * 5000), body(b"null")):
        answer = send(data)
        assert not answer.startswith(b"HTTP/1.1 5") and not answer.startswith(b"HTTP/1.1 200"), (
            data[:80], answer[:200])
    # Half a pair of surrogates is JSON, and becomes the replacement character.
    assert send(body(b'{"prompt":"\\ud800","max_tokens":1}')).startswith(b"HTTP/1.1 200")
    urllib.request.urlopen(s.base + "/health")
    return "refused or closed, still healthy"


def slow_reader(s, args):
    """A reader of ten bytes a second, with a small window: its requests wait, others do not."""
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.settimeout(5)
        line.connect(("127.0.0.1", s.port))
        data = json.dumps({"prompt": "A", "max_tokens": 900, "stream": True, "n": 32,
                           "ignore_eos": True, "logprobs": 5}).encode()
        line.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
                     % len(data) + data)
        start, slowest, before = time.time(), 0, s.resident()
        while time.time() - start < 3:
            line.recv(1)
            asked = time.time()
            s.client.completions.create(model="stories", prompt="B", max_tokens=4)
            slowest = max(slowest, time.time() - asked)
            time.sleep(0.1)
        waiting = len(s.slots())
        assert waiting > 0, "everything was computed for a reader that reads nothing"
        grown = s.resident() - before
        assert grown < 64, f"{grown:.0f} MiB were kept for it"
    assert s.is_idle(), "its slots stayed"
    return f"{waiting} answers waited for it, others took {slowest * 1000:.0f} ms at most, its slots are free"


def soak(s, args):
    """Mixed requests, a tenth of them cancelled: none lost, none wrong, memory flat."""
    async def run():
        client = openai.AsyncOpenAI(base_url=s.base + "/v1", api_key="none", max_retries=0)
        fields = [dict(model="stories", prompt=f"{'A The In'.split()[n % 3]} {n}", seed=n,
                       max_tokens=1 + n % 29, temperature=n % 3 / 2) for n in range(40)]
        expected = [(await client.completions.create(**f)).choices[0].text for f in fields]
        gate, counts, chance = asyncio.Semaphore(48), {"right": 0, "cancelled": 0}, random.Random(1)
        async def one(number):
            async with gate:
                n = number % 40
                if chance.random() < 0.1:
                    stream = await client.completions.create(**fields[n], stream=True)
                    async for _ in stream:
                        break
                    await stream.close()
                    counts["cancelled"] += 1
                    return
                a = await client.completions.create(**fields[n])
                assert a.choices[0].text == expected[n], (a.choices[0].text, expected[n])
                counts["right"] += 1
        await asyncio.gather(*map(one, range(args.requests // 10)))
        before = s.resident()
        await asyncio.gather(*map(one, range(args.requests - args.requests // 10)))
        await client.close()
        return counts, before
    counts, before = asyncio.run(run())
    assert s.is_idle()
    return f"{counts}, resident {before:.0f} MiB after a tenth, {s.resident():.0f} MiB at the end"


def endings(s, args):
    """A stream that runs when SIGTERM comes is finished; kill -9 leaves nothing that stops a restart."""
    stream = iter(s.client.completions.create(
        model="stories", prompt="A", max_tokens=220, stream=True, extra_body={"ignore_eos": True}))
    next(stream)
    s.process.send_signal(signal.SIGTERM)
    assert sum(1 for _ in stream) > 100, "the stream was cut"
    assert s.process.wait(20) == 0, s.process.returncode
    again = Server(args.skein)
    cut = iter(again.client.completions.create(
        model="stories", prompt="A", max_tokens=900, stream=True, extra_body={"ignore_eos": True}))
    next(cut)
    again.process.kill()
    again.process.wait()
    left, broken = 0, False
    try:
        for _ in cut:
            left += 1
    except Exception:  # whatever the client's transport calls a connection that breaks off
        broken = True
    assert broken, f"a stream outlived its server by {left} events"
    third = Server(args.skein, port=again.port)
    third.client.completions.create(model="stories", prompt="A", max_tokens=2)
    third.process.terminate()
    assert third.process.wait(20) == 0
    return "drained, killed, restarted"


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--skein", required=True)
    p.add_argument("--requests", type=int, default=1000)
    p.add_argument("--only", action="append", help="a section to run; may be repeated")
    args = p.parse_args()
    args.skein = os.path.abspath(args.skein)
    server, failed = Server(args.skein), 0
    for section in (chat, scores, stops, structure, responses, errors, cancel, together, models, drafts, hammer,
                    malformed, slow_reader, soak, endings):
        if args.only and section.__name__ not in args.only:
            continue
        try:
            start = time.time()
            print(f"ok    {section.__name__}: {section(server, args)} ({time.time() - start:.1f} s)", flush=True)
        except Skipped as reason:
            print(f"skip  {section.__name__}: {reason}", flush=True)
        except Exception as error:  # each section is reported, whatever went wrong in it
            failed += 1
            print(f"FAIL  {section.__name__}: {type(error).__name__} {error}", flush=True)
    if server.process.poll() is None:
        server.process.kill()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
