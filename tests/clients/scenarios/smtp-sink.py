"""Postfix's smtp-sink as servers that refuse, hang up, wait or know little, at each command, all at the same time.

Each message is delivered, or waits with the reason in the queue, or comes back once: whatever the server does.
"""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from exchange import parsed, queued, recipients, said, submission, take
from fixture import ALICE, check, eventually, need, skip, step
from restart import restarted
from servers import free_ports

SETTINGS = {
    # One attempt, and no second one while we look.
    "POSTHASTE_QUEUE__RETRY_FIRST": '"1h"',
    "POSTHASTE_OUTBOUND__MAX_CONNECTIONS": "200",
} | {
    f"POSTHASTE_OUTBOUND__TIMEOUT__{stage}": '"2s"'
    for stage in ("GREETING", "HELLO", "MAIL", "RCPT", "DATA", "BLOCK", "END")
}
LARGE = b"x" * 76 + b"\r\n"
COMMANDS = ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", ".", "QUIT")

DELIVERED, WAITS, FAILED = "delivered", "waits", "failed"


def cases():
    """What the server does, what becomes of the message, and what is said of it."""
    yield [], DELIVERED, ""
    for command in COMMANDS:
        good = command == "QUIT"
        # Refused for ever: what a server says to all comers is no verdict on a message.
        hard = WAITS if command == "CONNECT" else DELIVERED if good or command == "EHLO" else FAILED
        yield ["-f", command], hard, "said: 500 5.3.0 "
        # Without EHLO there is HELO.
        yield ["-r", command], DELIVERED if good else WAITS, "said: 450 4.3.0 "
        yield ["-q", command], DELIVERED if good else WAITS, "closed|broke"
        yield ["-Q", command], DELIVERED if good else WAITS, "said: 421 "
        if command != "CONNECT":
            # Of commands in one piece it would answer the second before the first.
            yield ["-p", "-W", f"{command}:60"], DELIVERED if good else WAITS, "timed out"
    yield ["-f", "EHLO,HELO"], WAITS, "said: 500 "
    yield ["-r", "RSET"], DELIVERED, ""
    for option in ("-e", "-p", "-P", "-8", "-E", "-N"):
        yield [option], DELIVERED, ""
    yield ["-w", "1"], DELIVERED, ""
    yield ["-H", "1"], DELIVERED, ""
    # Says no in the midst of the message, and listens no more.
    yield ["-A", "0"], FAILED, "said: 550 "
    # Speaks another protocol.
    yield ["-L"], WAITS, "said: 5"


def main():
    need("smtp-sink")
    if os.geteuid() != 0:
        skip("smtp-sink's files are another user's")
    all_cases = [(f"case{number}.test", *case) for number, case in enumerate(cases())]
    ports = dict(zip((domain for domain, *_ in all_cases), free_ports(len(all_cases))))
    with tempfile.TemporaryDirectory(prefix="smtp-sink-") as folder:
        os.chmod(folder, 0o755)
        sinks = []
        try:
            for domain, options, *_ in all_cases:
                sinks.append(sink(Path(folder), domain, options, ports[domain]))
            routes = (f'{{domain="{domain}", host="127.0.0.1", port={port}}}' for domain, port in ports.items())
            os.environ |= SETTINGS | {"POSTHASTE_ROUTE": f"[{', '.join(routes)}]"}
            with restarted():
                judged(Path(folder), all_cases)
        finally:
            for each in sinks:
                each.kill()
                each.wait()


def judged(folder, all_cases):
    step(f"{len(all_cases)} servers")
    with submission() as smtp:
        for domain, options, *_ in all_cases:
            lines = 30_000 if "-A" in options else 3
            header = f"From: {ALICE['address']}\r\nSubject: {domain}\r\n\r\n".encode()
            said(smtp.mail(ALICE["address"], []), 250)
            for user in ("one", "two"):
                said(smtp.rcpt(f"{user}@{domain}", []), 250)
            said(smtp.data(header + b".\r\n" + LARGE * lines), 250)
    eventually("a first attempt of all", lambda: not [line for line in queued() if "not tried yet" in line], 60)
    waiting = dict.fromkeys(domain for domain, *_ in all_cases)
    for line in queued():
        domain = re.search(r"@(case\d+\.test)", line)[1]
        waiting[domain] = [*(waiting[domain] or []), line]
    failed = [domain for domain, _, fate, _ in all_cases if fate == FAILED]
    told = {}
    for message in take(ALICE, len(failed)):
        for address, action in recipients(message):
            assert action == "failed" and address not in told, (address, action)
            told[address] = parsed(message).get_payload()[1].as_string()
    for domain, options, fate, why in all_cases:
        step(f"{options}: {fate}")
        dumped = len(list((folder / domain).iterdir()))
        reported = [text for address, text in told.items() if address.endswith(f"@{domain}")]
        lines = waiting[domain] or []
        found = (len(lines), len(reported))
        check("waiting and reported", found, {DELIVERED: (0, 0), WAITS: (2, 0), FAILED: (0, 2)}[fate])
        if fate == DELIVERED:
            check("messages", dumped, 1)
            (file,) = (folder / domain).iterdir()
            text = file.read_bytes()
            # Both by one transaction, the dot as it was.
            check("recipients", text.count(b"X-Rcpt-Args: "), 2)
            assert b"\n.\n" + LARGE.replace(b"\r\n", b"\n") in text, text
        for line in lines:
            assert re.search(why, line), (options, line)
        for text in reported:
            assert re.search(why.removeprefix("said: "), text), (options, text)


def sink(folder, domain, options, port):
    dumps = folder / domain
    dumps.mkdir()
    shutil.chown(dumps, "nobody")
    command = ["smtp-sink", "-u", "nobody", "-d", f"{dumps}/", *options, f"127.0.0.1:{port}", "100"]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL)


main()
