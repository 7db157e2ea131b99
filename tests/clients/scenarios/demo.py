"""The demo's banner: every line it asks to paste works as printed, in a shell, with real curl, openssl and swaks."""

import re
import subprocess
from pathlib import Path
from threading import Condition, Thread

from fixture import SERVER, WAIT_SECONDS, check, need, skip, step

START_SECONDS = 30


def main():
    need("curl", "openssl", "swaks")
    if not SERVER["command"]:
        skip("only Posthaste has a demo")
    demo = Program([SERVER["command"][0], "demo", "--data", Path("demo").absolute(), "--port-base", "0"])
    demo.until(r"^Deliveries:", START_SECONDS)
    pasted = [line.strip() for line in demo.lines if re.match(r"  (\(printf|printf|curl|swaks) ", line)]
    watch, *sends, read = pasted
    check("lines to paste", [len(sends), "IDLE" in watch, "imaps://" in read], [3, True, True])

    step(watch)
    watcher = Program(["sh", "-c", watch], stdin=subprocess.PIPE)
    watcher.until(r"^\+ ")
    for number, send in enumerate(sends, 1):
        step(send)
        shell(send)
        # The demo starts with a message of its own or without; each delivery is one more, and the watcher sees it.
        watcher.until(r"^\* \d+ EXISTS", count=number + 1)
        demo.until(r"told 1 of 1 waiting client\b", count=number)
    step(read)
    assert "Subject: Hello from swaks" in shell(read)
    for line in demo.lines:
        if "durable in" in line:
            print(f"  {line}")
    watcher.end()
    demo.end()


def shell(line):
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=WAIT_SECONDS)
    check(line, done.returncode, 0)
    return done.stdout


class Program:
    """A program that goes on running, and the lines it has written so far."""

    def __init__(self, command, stdin=subprocess.DEVNULL):
        self.lines = []
        self.written = Condition()
        self.process = subprocess.Popen(
            command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        )
        Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            with self.written:
                self.lines.append(line.rstrip("\r\n"))
                self.written.notify()

    def until(self, pattern, seconds=WAIT_SECONDS, count=1):
        """Waits until `count` lines match."""
        def enough():
            return sum(bool(re.search(pattern, line)) for line in self.lines) >= count

        with self.written:
            found = self.written.wait_for(enough, seconds)
            text = "\n".join(self.lines)
        assert found, f"{count} times {pattern!r}: not within {seconds} s in:\n{text}"

    def end(self):
        self.process.terminate()
        self.process.wait(WAIT_SECONDS)


main()
