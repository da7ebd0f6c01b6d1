#!/usr/bin/env python3
"""Check `skein serve` with the official OpenAI client and with raw sockets.

    Scripts/verify_server.py --skein PATH [--requests 10000]

Starts the server on a free port of this machine with the model in Models/stories, runs every section
and prints one line each; the exit status says whether all passed. Needs `pip install openai` (written with
3.54.0). All traffic stays on 127.0.0.1.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import openai

TOOL = {"type": "function", "function": {"name": "fly", "parameters": {
    "type": "object", "properties": {"to": {"enum": ["south", "north"]}}, "required": ["to"],
    "additionalProperties": False}}}
USER = [{"role": "user", "content": "geese"}]


class Server:
    def __init__(self, skein, *flags):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.base = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [skein, "serve", "--port", str(self.port), "--log-level", "error", *flags],
            stderr=subprocess.DEVNULL)
        for _ in range(200):
            try:
                urllib.request.urlopen(self.base + "/health", timeout=2)
                break
            except OSError:
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
                "type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": {
                    "type": "object", "properties": {
                        "name": {"type": "string", "maxLength": 8},
                        "count": {"type": "integer", "minimum": 1, "maximum": 20}},
                    "required": ["name", "count"], "additionalProperties": False}}})
        value = json.loads(a.choices[0].message.content)
        assert set(value) == {"name", "count"} and 1 <= value["count"] <= 20, value
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
    asyncio.run(run())
    return "64 at once equal each alone"


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
    with socket.create_connection(("127.0.0.1", s.port), timeout=5) as line:
        data = json.dumps({"prompt": "A", "max_tokens": 200, "stream": True, "n": 64,
                           "ignore_eos": True}).encode()
        line.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
                     % len(data) + data)
        start = time.time()
        while time.time() - start < 3:
            line.recv(1)
            s.client.completions.create(model="stories", prompt="B", max_tokens=4)
            time.sleep(0.1)
    assert s.is_idle(), "its slots stayed"
    return "others were served, its slots are free"


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
    again.process.kill()
    again.process.wait()
    third = Server(args.skein)
    third.client.completions.create(model="stories", prompt="A", max_tokens=2)
    third.process.terminate()
    assert third.process.wait(20) == 0
    return "drained, killed, restarted"


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--skein", required=True)
    p.add_argument("--requests", type=int, default=1000)
    args = p.parse_args()
    args.skein = os.path.abspath(args.skein)
    server, failed = Server(args.skein), 0
    for section in (chat, scores, stops, structure, responses, errors, cancel, together, malformed,
                    slow_reader, soak, endings):
        try:
            print(f"ok    {section.__name__}: {section(server, args)}", flush=True)
        except Exception as error:  # each section is reported, whatever went wrong in it
            failed += 1
            print(f"FAIL  {section.__name__}: {type(error).__name__} {error}", flush=True)
    if server.process.poll() is None:
        server.process.kill()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
