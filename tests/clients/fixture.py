"""What the Python scenarios share: the server they talk to, mail to send, a client to look with, bounded waits."""

import json
import os
import smtplib
import ssl
import subprocess
import sys
import time
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from shutil import which

from imapclient import IMAPClient

SERVER = json.loads(Path(os.environ["MAIL_SERVER"]).read_text())
ARTIFACTS = Path(os.environ["MAIL_ARTIFACTS"])
HOST, DOMAIN, PORTS, CERTIFICATE = (SERVER[key] for key in ("host", "domain", "ports", "certificate"))
ALICE, BOB = SERVER["accounts"]["alice"], SERVER["accounts"]["bob"]

WAIT_SECONDS = 20
"""How long anything may take that should happen at once."""


def step(text):
    """Says what comes next, so that the log of a failure shows where it happened."""
    print(f"- {text}", flush=True)


def check(what, actual, expected):
    """Fails unless both are equal."""
    assert actual == expected, f"{what}: expected {expected!r}, got {actual!r}"


def eventually(what, probe, seconds=WAIT_SECONDS):
    """Returns the first true value of `probe()`; for states that nothing announces, such as files on disk."""
    limit = time.monotonic() + seconds
    while True:
        if value := probe():
            return value
        assert time.monotonic() < limit, f"{what}: not within {seconds} s"
        time.sleep(0.02)


def skip(why):
    """Ends the scenario as not possible on this machine."""
    print(why)
    sys.exit(77)


def need(*programs):
    """Skips the scenario when one of the programs is not installed."""
    for program in programs:
        if not which(program):
            skip(f"{program} is not installed, and only root can install it")


def run(*command, status=0, input=None, seconds=60, **more):
    """Runs a program and returns what it wrote. Fails on any exit status but `status`."""
    done = subprocess.run(
        [str(word) for word in command], input=input, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace", timeout=seconds, **more,
    )
    line = " ".join(map(str, command))
    assert done.returncode == status, f"{line}\nexit status {done.returncode}, expected {status}:\n{done.stdout}"
    return done.stdout


def tls():
    """Trusts the server's own certificate and nothing else, and checks the name."""
    return ssl.create_default_context(cafile=CERTIFICATE)


def imap(account=ALICE, folder=None):
    """A logged-in client over implicit TLS, with `folder` selected if given."""
    client = IMAPClient(HOST, PORTS["imaps"], ssl_context=tls(), timeout=WAIT_SECONDS)
    client.login(account["address"], account["password"])
    if folder:
        client.select_folder(folder)
    return client


def message(subject, text="Hello.\n", sender="carol@elsewhere.test", to=ALICE["address"], **headers):
    """A small message with everything a client wants to see."""
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = to
    mail["Subject"] = subject
    mail["Date"] = formatdate(localtime=False)
    mail["Message-ID"] = make_msgid(domain="elsewhere.test")
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail


def deliver(mail, to=ALICE["address"]):
    """Sends by plain SMTP as another server would. Returns the time of the 250, in seconds."""
    with smtplib.SMTP(HOST, PORTS["smtp"], timeout=WAIT_SECONDS) as smtp:
        smtp.send_message(mail, "carol@elsewhere.test", [to])
        return time.time()


def await_push(client, wanted, seconds=WAIT_SECONDS):
    """Collects what an idling client is told until `wanted(responses)` holds; returns it all."""
    limit = time.monotonic() + seconds
    responses = []
    while not wanted(responses):
        left = limit - time.monotonic()
        assert left > 0, f"not pushed within {seconds} s; pushed instead: {responses}"
        responses += client.idle_check(timeout=left)
    return responses


def flags(told):
    """The flags of each FETCH response in what was pushed, by sequence number; a later one replaces an earlier one."""
    return {each[0]: dict(zip(each[2][::2], each[2][1::2]))[b"FLAGS"] for each in told if each[1] == b"FETCH"}


def expunged(told):
    """The sequence numbers of the EXPUNGE responses in what was pushed, in their order."""
    return [each[0] for each in told if each[1] == b"EXPUNGE"]


def subjects(client):
    """Subjects of the selected mailbox by UID, in their order."""
    uids = client.search()
    fetched = client.fetch(uids, ["ENVELOPE"]) if uids else {}
    return {uid: fetched[uid][b"ENVELOPE"].subject.decode() for uid in uids}
