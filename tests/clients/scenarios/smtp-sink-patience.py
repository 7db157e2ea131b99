"""smtp-sink as a server that never is ready: the sender is told once that it takes long and once that it is given up, and
the queue can be looked into and worked on meanwhile."""

import os
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from exchange import clear, queued, recipients, said, send, submission
from fixture import ALICE, SERVER, check, eventually, need, run, skip, step
from restart import restarted
from servers import free_ports

SETTINGS = {
    "POSTHASTE_QUEUE__RETRY_FIRST": '"300ms"',
    "POSTHASTE_QUEUE__RETRY_MAX": '"600ms"',
    "POSTHASTE_QUEUE__DELAY_NOTICE": '"1s"',
    "POSTHASTE_QUEUE__EXPIRE": '"4s"',
}
TOLD = {
    "always": (["NOTIFY=DELAY,FAILURE"], ["delayed", "failed"]),
    "default": ([], ["delayed", "failed"]),
    "failures": (["NOTIFY=FAILURE"], ["failed"]),
    "never": (["NOTIFY=NEVER"], []),
}
"""What the sender asks for, and what it is told."""


def main():
    need("smtp-sink")
    if os.geteuid() != 0:
        skip("smtp-sink becomes another user")
    if not SERVER["command"]:
        skip("posthaste's own queue is worked on")
    busy, good = free_ports(2)
    with tempfile.TemporaryDirectory(prefix="smtp-sink-") as folder:
        os.chmod(folder, 0o755)
        shutil.chown(folder, "nobody")
        command = ["smtp-sink", "-u", "nobody"]
        sinks = [
            subprocess.Popen([*command, "-r", "MAIL", f"127.0.0.1:{busy}", "100"]),
            subprocess.Popen([*command, "-d", f"{folder}/", f"127.0.0.1:{good}", "100"]),
        ]
        routes = (f'{{domain="{name}.test", host="127.0.0.1", port={port}}}' for name, port in
                  (("busy", busy), ("good", good)))
        os.environ |= SETTINGS | {"POSTHASTE_ROUTE": f"[{', '.join(routes)}]"}
        try:
            with restarted():
                told()
                worked_on(Path(folder))
        finally:
            for sink in sinks:
                sink.kill()
                sink.wait()


def told():
    step("what the sender is told")
    with submission() as smtp:
        for user, (notify, _) in TOLD.items():
            send(smtp, ALICE["address"], [f"{user}@busy.test"], user, b"x\r\n", [], notify)
        send(smtp, "", ["nobody@busy.test"], "without a sender", b"x\r\n")
    entry = eventually("an attempt", lambda: [line for line in queued() if "450" in line])[0].split()[0]
    shown = posthaste("queue", "show", entry)
    assert re.search(r"^why +127\.0\.0\.1 said: 450 4\.3\.0 ", shown, re.MULTILINE), shown
    eventually("the end of patience", lambda: not queued())
    reports = Counter(one for message in clear(ALICE) for one in recipients(message))
    wanted = ((f"{user}@busy.test", action) for user, (_, actions) in TOLD.items() for action in actions)
    check("reports", reports, Counter(wanted))


def worked_on(folder):
    step("hold, retry and drop")
    with submission() as smtp:
        # Nothing is tried before it is let go.
        for user in ("one", "two"):
            said(smtp.mail(ALICE["address"], ["HOLDFOR=3600"]), 250)
            said(smtp.rcpt(f"{user}@good.test", []), 250)
            said(smtp.data(f"From: {ALICE['address']}\r\nSubject: {user}\r\n\r\nx\r\n".encode()), 250)
    entries = {re.search(r"(\w+)@good", line)[1]: line.split()[0] for line in queued()}
    check("entries", sorted(entries), ["one", "two"])
    for entry in entries.values():
        posthaste("queue", "hold", entry)
    assert all("held" in line for line in queued()), queued()
    posthaste("queue", "drop", entries["two"])
    assert "is held" in posthaste("queue", "retry", entries["one"], status=1)
    posthaste("queue", "release", entries["one"])
    posthaste("queue", "retry", entries["one"])
    eventually("an empty queue", lambda: not queued())
    (file,) = folder.iterdir()
    assert b"Subject: one\n" in file.read_bytes()
    check("reports", clear(ALICE), [])


def posthaste(*words, status=0):
    program, settings = str(SERVER["command"][0]), str(SERVER["command"][-1])
    return run(program, *words, "--config", settings, status=status)


main()
