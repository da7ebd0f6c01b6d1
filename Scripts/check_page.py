#!/usr/bin/env python3
"""Drive the page of a running `skein serve` in headless Chromium.

    Scripts/check_page.py http://127.0.0.1:8080 [--screenshot page.png] [--chromium chromium]

Sends a message and waits for streamed text, stops a second answer, regenerates it, and checks that the
live view moved, that it shows the answer's tokens step by step and what became of each guess; that nothing was
logged as an error and that no other host was asked. Needs Debian's chromium and `pip install websockets`.
"""

import argparse
import asyncio
import base64
import itertools
import json
import socket
import subprocess
import tempfile
import time
import urllib.request

import websockets


async def main():
    p = argparse.ArgumentParser()
    p.add_argument("base")
    p.add_argument("--screenshot")
    p.add_argument("--chromium", default="chromium")
    args = p.parse_args()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    # The browser's last processes may still write while the folder goes.
    profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    browser = subprocess.Popen(
        [args.chromium, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1200,800",
         f"--remote-debugging-port={port}", f"--user-data-dir={profile.name}", "about:blank"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        await drive(args, port)
    finally:
        browser.terminate()
        browser.wait(20)
        profile.cleanup()


async def drive(args, port):
    for _ in range(100):
        try:
            pages = json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/json"))
            address = next(p["webSocketDebuggerUrl"] for p in pages if p["type"] == "page")
            break
        except (OSError, StopIteration):
            time.sleep(0.1)
    numbers, errors, hosts, waiting = itertools.count(1), [], set(), {}
    async with websockets.connect(address, max_size=1 << 26) as line:
        async def listen():
            async for text in line:
                event = json.loads(text)
                if "id" in event:
                    waiting.pop(event["id"]).set_result(event.get("result"))
                elif event["method"] == "Runtime.exceptionThrown":
                    errors.append(event["params"]["exceptionDetails"]["text"])
                elif event["method"] == "Log.entryAdded":
                    entry = event["params"]["entry"]
                    if entry["level"] == "error" and "favicon" not in entry.get("url", ""):
                        errors.append(entry["text"])
                elif event["method"] == "Network.requestWillBeSent":
                    url = event["params"]["request"]["url"]
                    if not url.startswith(("data:", "about:")):
                        hosts.add(url.split("/")[2])

        listener = asyncio.create_task(listen())

        async def call(method, **params):
            number = next(numbers)
            waiting[number] = asyncio.get_running_loop().create_future()
            await line.send(json.dumps({"id": number, "method": method, "params": params}))
            return await asyncio.wait_for(waiting[number], 30)

        async def value(expression):
            result = await call("Runtime.evaluate", expression=expression, awaitPromise=True)
            return result["result"].get("value")

        async def until(expression, what):
            for _ in range(200):
                if await value(expression):
                    return
                await asyncio.sleep(0.1)
            raise SystemExit(f"the page never showed {what}")

        for domain in ("Runtime", "Log", "Network", "Page"):
            await call(f"{domain}.enable")
        await call("Page.navigate", url=args.base)
        await until("document.querySelectorAll('#model option').length > 0", "a model")
        await asyncio.sleep(1)

        async def send(text):
            await value(f"document.getElementById('text').value = {json.dumps(text)};"
                        "document.getElementById('form').requestSubmit(); true")

        await value("document.getElementById('max_tokens').value = 80;"
                    "document.getElementById('temperature').value = 0;"
                    "document.getElementById('drafts').value = 8; true")
        # The first answer repeats itself whatever the model would rather say, so that it has drafts.
        await value("""window.plainFetch = window.fetch; window.fetch = (url, options) => {
            if (!options || !options.body) return window.plainFetch(url, options);
            const body = JSON.parse(options.body);
            body.guided_regex = '(one day the goose ){12}';
            return window.plainFetch(url, {...options, body: JSON.stringify(body)}); }; true""")
        await send("One day the goose went to the pond. One day the goose went to the pond. One day the")
        await until("document.querySelectorAll('.assistant').length == 1"
                    " && document.querySelector('.assistant').textContent.length > 5"
                    " && !document.getElementById('send').disabled", "an answer")
        first = await value("document.querySelector('.assistant').textContent")
        await until("document.getElementById('figures').textContent.includes('tokens/s')", "figures")
        await until("document.getElementById('step').textContent != '0'", "a step of the engine")
        await until("[...document.querySelectorAll('#tokens u:not(.rejected)')].map(w => w.textContent)"
                    f".join('').includes({json.dumps(first.strip())})", "the answer's tokens step by step")
        if not await value("document.querySelectorAll('#tokens u.accepted, #tokens u.rejected').length"):
            raise SystemExit("no step shows a draft")
        await value("window.fetch = window.plainFetch; true")
        await value("document.getElementById('max_tokens').value = 400; true")
        await send("<img src=x onerror=alert(1)>")
        await value("setTimeout(() => document.getElementById('stop').click(), 5); true")
        await until("!document.getElementById('send').disabled", "the end of the second answer")
        if await value("document.querySelectorAll('#log img').length"):
            raise SystemExit("text became markup")
        await value("document.getElementById('again').click(); true")
        await until("!document.getElementById('send').disabled"
                    " && document.querySelectorAll('.assistant').length == 2", "another answer")
        if args.screenshot:
            shot = await call("Page.captureScreenshot", format="png")
            with open(args.screenshot, "wb") as out:
                out.write(base64.b64decode(shot["data"]))
        listener.cancel()
    own = args.base.split("/")[2]
    if errors or hosts - {own}:
        raise SystemExit(f"errors: {errors}, hosts: {hosts}")
    print(f"the page works: answered {first[:60]!r}, asked only {own}, no errors")


asyncio.run(main())
