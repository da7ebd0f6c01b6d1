#!/usr/bin/env python3
"""Drive `skein chat` through a pseudo-terminal, as a person would.

    python3 Scripts/check_chat.py .build/release/skein [MODEL]

Without a model the project's own model answers. Every wait is bounded.
"""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

PATIENCE = 30.0
PROMPT = b"> "


class Chat:
    def __init__(self, command: list[str]) -> None:
        self.seen = b""
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execv(command[0], command)

    def type(self, text: bytes) -> None:
        self.seen = b""
        os.write(self.terminal, text)

    def wait(self, what: bytes, times: int = 1) -> bytes:
        """Reads until the text was seen often enough since the last typing."""
        end = time.monotonic() + PATIENCE
        while self.seen.count(what) < times:
            ready, _, _ = select.select([self.terminal], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                raise SystemExit(f"no {what!r} within {PATIENCE} s; the terminal shows {self.seen!r}")
            try:
                piece = os.read(self.terminal, 65536)
            except OSError:
                piece = b""
            if not piece:
                raise SystemExit(f"chat ended before {what!r}; the terminal shows {self.seen!r}")
            self.seen += piece
        return self.seen

    def ask(self, text: bytes) -> bytes:
        """Types a message and waits for the answer's figures and the next prompt."""
        self.type(text)
        self.wait(b"peak memory")
        return self.wait(b"MB\r\n" + PROMPT)

    def history(self) -> list[str]:
        self.type(b"/history\n")
        return self.wait(b"\r\n" + PROMPT).decode(errors="strict").split("\r\n")[1:-1]

    def exit_status(self) -> int:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            if select.select([self.terminal], [], [], 0.05)[0]:
                try:
                    os.read(self.terminal, 65536)
                except OSError:
                    time.sleep(0.05)
        raise SystemExit(f"chat did not end within {PATIENCE} s")


def check(is_true: bool, what: str, shown: object) -> None:
    if not is_true:
        raise SystemExit(f"failed: {what}; got {shown!r}")
    print(f"ok: {what}")


def main() -> None:
    skein, model = sys.argv[1], sys.argv[2:3]
    command = [skein, "chat", "--temp", "0", "--max-tokens", "64"]
    chat = Chat(command + (["--model", model[0]] if model else []))
    try:
        chat.wait(PROMPT)
        answer = chat.ask(b"hello\n")
        check(len(answer) > 100, "a message is answered", answer)
        check("user: hello" in chat.history(), "/history shows it", chat.seen)
        chat.ask(b"first line\nsecond line\n")
        lines = chat.history()
        place = lines.index("user: first line") if "user: first line" in lines else -1
        check(place >= 0 and lines[place + 1] == "second line", "a paste is one message", lines)
        chat.ask(b"caf\xff\xfe\n")
        check("user: caf\ufffd\ufffd" in chat.history(), "invalid UTF-8 is replaced", chat.seen)
        chat.type(b"/undo\n")
        chat.wait(PROMPT)
        check(not any("caf" in line for line in chat.history()), "/undo takes it back", chat.seen)
        fcntl.ioctl(chat.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 30, 0, 0))
        os.kill(chat.pid, signal.SIGWINCH)
        chat.ask(b"resized\n")
        chat.type(b"\x03")
        time.sleep(0.2)
        chat.ask(b"again\n")
        check(True, "Ctrl-C at the prompt and a resize leave the chat alive", None)
        chat.type(b"go on\n")
        chat.wait(b"go on\r\n")
        os.kill(chat.pid, signal.SIGINT)
        chat.wait(b"MB\r\n" + PROMPT)
        check(True, "Ctrl-C during an answer returns to the prompt", None)
        chat.type(b"/clear\n")
        chat.wait(PROMPT)
        check(not any("user:" in line for line in chat.history()), "/clear forgets", chat.seen)
        chat.type(b"\x04")
        check(chat.exit_status() == 0, "Ctrl-D ends with status 0", None)
    finally:
        try:
            os.kill(chat.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


if __name__ == "__main__":
    main()
