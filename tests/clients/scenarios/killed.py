"""Killed (SIGKILL) again and again while mail goes out to Postfix: what was taken arrives, each failure is told once.

`TEST_KILLS` is how often.
"""

import os
import random
import re
import signal
import smtplib
import socket
import subprocess
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from exchange import SETTINGS, parsed, queued, recipients, said, submission, take
from fixture import ALICE, ARTIFACTS, PORTS, SERVER, WAIT_SECONDS, check, eventually, need, skip, step
from mtas import Postfix
from restart import ended

KILLS = int(os.environ.get("TEST_KILLS", "6"))
SENDERS = 4
CONNECTIONS = 5
LIFE = 0.8
"""Seconds that it lives at most, once it takes mail."""
LIMITS = {f"POSTHASTE_SMTP__MESSAGES_PER_{period}": "0" for period in ("HOUR", "DAY")} | {
    "POSTHASTE_OUTBOUND__MAX_CONNECTIONS_PER_DOMAIN": str(CONNECTIONS),
    "POSTHASTE_QUEUE__RETRY_FIRST": '"100ms"',
}


def main():
    need("postfix", "openssl")
    if os.geteuid() != 0:
        skip("only root can run Postfix")
    if not SERVER["command"]:
        skip("posthaste itself is killed")
    with tempfile.TemporaryDirectory(prefix="killed-") as folder:
        postfix = Postfix(Path(folder))
        os.environ |= SETTINGS | LIMITS | {"POSTHASTE_ROUTE": postfix.routes()}
        try:
            os.kill(SERVER["process"], signal.SIGTERM)
            eventually("the end of the server", lambda: ended(SERVER["process"]))
            accepted = [text for number in range(KILLS) for text in life(postfix, number)]
            server = start()
            try:
                judge(postfix, accepted)
            finally:
                server.terminate()
            check("exit status", server.wait(WAIT_SECONDS), 0)
        finally:
            postfix.stop()


def life(postfix, number):
    """A server that is killed while several submit. What it has taken."""
    server, accepted = start(), []
    senders = [
        threading.Thread(target=submit, args=(postfix, f"{number}-{sender}", accepted)) for sender in range(SENDERS)
    ]
    for sender in senders:
        sender.start()
    # No moment is like another: each kill meets it at something else.
    time.sleep(random.uniform(0.1, LIFE))
    server.kill()
    server.wait()
    for sender in senders:
        sender.join(WAIT_SECONDS)
        assert not sender.is_alive(), "a client goes on without a server"
    step(f"kill {number}: {len(accepted)} taken")
    return accepted


def submit(postfix, name, accepted):
    """One message after the other, each to somebody and to nobody, until the server is gone."""
    count = 0
    try:
        with submission() as smtp:
            while True:
                subject = f"{name}-{count}."
                said(smtp.mail(ALICE["address"], []), 250)
                said(smtp.rcpt(f"them@{postfix.domain}", []), 250)
                said(smtp.rcpt(f"nobody@{postfix.domain}", []), 250)
                text = f"From: {ALICE['address']}\r\nSubject: {subject}\r\n\r\n{'x' * 70}\r\n"
                said(smtp.data(text.encode()), 250)
                accepted.append(subject)
                count += 1
    except (OSError, smtplib.SMTPException):
        pass


def judge(postfix, accepted):
    step(f"{len(accepted)} taken in all")
    assert len(accepted) > KILLS, "too little happened"
    eventually("an empty queue", lambda: not queued(), 60)
    eventually("an empty queue there", postfix.idle)
    arrived = Counter(parsed(message)["Subject"] for message in postfix.take("them", len(set(accepted))))
    lost = [subject for subject in accepted if not arrived[subject]]
    check("lost", lost, [])
    again = sum(arrived.values()) - len(arrived)
    print(f"  {again} times again; never acknowledged: {sorted(set(arrived) - set(accepted))}")
    # Only what was sent and not settled at a kill: no more than the connections had in hand.
    assert again <= KILLS * CONNECTIONS, arrived.most_common(5)
    told = Counter()
    for message in take(ALICE, len(set(accepted))):
        ((_, action),) = recipients(message)
        check("action", action, "failed")
        told[re.findall(rb"^Subject: (\S+)\r$", message, re.MULTILINE)[-1].decode()] += 1
    check("told more than once", [subject for subject, times in told.items() if times > 1], [])
    check("never told", [subject for subject in accepted if not told[subject]], [])


def start():
    with open(ARTIFACTS / "server.log", "ab") as log:
        process = subprocess.Popen(SERVER["command"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    eventually("the server", lambda: listens(process))
    return process


def listens(process):
    assert process.poll() is None, f"the server ended with status {process.returncode}"
    try:
        socket.create_connection(("127.0.0.1", PORTS["submission"]), timeout=1).close()
        return True
    except OSError:
        return False


main()
