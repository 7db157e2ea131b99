"""Thunderbird under Xvfb, with polling switched off: what is delivered, flagged and expunged elsewhere shows at once.

Marionette drives it: it stores the password, trusts the certificate, opens the inbox, and asks Thunderbird's own folder
database what it holds. That no poll was involved is read from its IMAP log: between IDLE and the server's EXISTS it
sent nothing. A screenshot is kept beside the logs.
"""

import base64
import os
import re
import ssl
import subprocess
from pathlib import Path

from fixture import ALICE, ARTIFACTS, BOB, CERTIFICATE, HOST, PORTS, check, deliver, eventually, imap, message, need
from fixture import run, step, subjects
from marionette import Marionette
from servers import free_ports

START_SECONDS = 90
"""Thunderbird makes a new profile at its first start."""
PUSH_SECONDS = 20

OLD, NEW, SENT = "Before Thunderbird started", "Pushed to Thunderbird – sofort", "Sent by Thunderbird"
FOLDER = "Größe"


def main():
    need("thunderbird", "Xvfb", "import")
    print(f"  {run('thunderbird', '--version').strip()}")
    deliver(message(OLD))
    profile = Path("profile")
    profile.mkdir()
    (marionette_port,) = free_ports(1)
    (profile / "user.js").write_text(preferences(marionette_port))
    log = ARTIFACTS / "imap.moz_log"
    display = Xvfb()
    thunderbird = start(profile, log, display)
    try:
        remote = eventually("Marionette", lambda: attach(marionette_port, thunderbird), START_SECONDS)
        push(remote, log)
        display.screenshot(ARTIFACTS / "thunderbird.png")
        use(remote)
        print_commands(log)
        remote.quit()
        thunderbird.wait(PUSH_SECONDS)
    finally:
        for process in (thunderbird, display.process):
            process.kill()
            process.wait()


def push(remote, log):
    step("the inbox is opened")
    ports = [PORTS["imaps"], PORTS["submissions"]]
    remote.run("prepare", HOST, ALICE["address"], ALICE["password"], ports, certificate())
    remote.run("appeared", "INBOX", OLD)
    idles = eventually("IDLE", lambda: idling(log), PUSH_SECONDS)

    step("a delivery")
    accepted = deliver(message(NEW))
    appeared = remote.run("appeared", "INBOX", NEW) / 1000
    print(f"  in the folder database {1000 * (appeared - accepted):.0f} ms after the 250")
    told = told_while_idle(log, idles)
    assert re.search(r"\* 2 EXISTS", told), f"Thunderbird left IDLE before it was told of the message:\n{told}"

    step("a flag and an expunge by another client")
    eventually("IDLE", lambda: idling(log) > idles, PUSH_SECONDS)
    other = imap(folder="INBOX")
    old, new = other.search()
    other.add_flags(new, [rb"\Flagged"])
    remote.run("appeared", "INBOX", NEW, {"flagged": True})
    eventually("IDLE", lambda: idling(log), PUSH_SECONDS)
    other.delete_messages(old)
    other.expunge()
    remote.run("appeared", "INBOX", OLD, {"gone": True})
    check("in the folder database", remote.run("subjects", "INBOX"), [NEW])
    other.logout()


def use(remote):
    """What a person does in Thunderbird, seen from another client."""
    other = imap(folder="INBOX")

    step("reading")
    assert "Hello." in remote.run("read", "INBOX", NEW)
    remote.run("markRead", "INBOX", NEW)
    eventually("read", lambda: other.noop() and other.search("SEEN"))

    step("a new folder, and a message moved there")
    remote.run("createFolder", FOLDER)
    remote.run("move", "INBOX", NEW, FOLDER)
    remote.run("appeared", FOLDER, NEW)
    other.select_folder(FOLDER)
    check("moved", list(other.get_flags(other.search()).values()), [(rb"\Flagged", rb"\Seen")])
    assert FOLDER in {name for _, _, name in other.list_sub_folders()}, "not subscribed"

    step("sending")
    remote.run("send", BOB["address"], SENT, "From Thunderbird.")
    check("filed", list(selected(other, "Sent").values()), [SENT])
    check("arrived", list(selected(imap(BOB), "INBOX").values()), [SENT])
    other.logout()


def selected(client, folder):
    client.select_folder(folder)
    return subjects(client)


def preferences(marionette_port):
    values = {
        "ADDRESS": ALICE["address"], "HOST": HOST, "IMAPS": PORTS["imaps"], "SUBMISSIONS": PORTS["submissions"],
        "MARIONETTE": marionette_port,
    }
    template = (Path(__file__).parent / "profile.js").read_text()
    return re.sub(r"@([A-Z]+)@(?=[',) ])", lambda match: str(values.get(match[1], match[0])), template)


def start(profile, log, display):
    environment = os.environ | {
        "DISPLAY": display.name,
        "MOZ_LOG": "IMAP:4,timestamp,sync",
        "MOZ_LOG_FILE": str(log.with_suffix("")),
        "NO_AT_BRIDGE": "1",
    }
    with open(ARTIFACTS / "thunderbird.log", "wb") as output:
        return subprocess.Popen(
            ["thunderbird", "--profile", profile, "--no-remote", "--marionette", "--remote-allow-system-access"],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment,
        )


def attach(port, thunderbird):
    """The remote control; None while Thunderbird starts, when it may also close the first connections."""
    assert thunderbird.poll() is None, f"Thunderbird ended with status {thunderbird.returncode}"
    try:
        return Marionette(port, PUSH_SECONDS)
    except ConnectionError:
        return None


def certificate():
    """The server's certificate as Thunderbird takes it: DER in base64."""
    return base64.b64encode(ssl.PEM_cert_to_DER_cert(Path(CERTIFICATE).read_text())).decode()


def print_commands(log):
    print("  commands Thunderbird sent:")
    for command in dict.fromkeys(re.findall(r"SendData: (?:\d+ )?(\w+.*)", log_text(log))):
        if not re.match(r"Logging suppressed|[\w-]+:|From Thunderbird", command):
            print(f"    {command.strip()}")


def log_text(log):
    return log.read_text(errors="replace") if log.exists() else ""


IDLE = re.compile(r"SendData: \w+ IDLE\b.*?CreateNewLineFromSocket: \+ [^\n]*\n", re.DOTALL)
"""From the command to the server's agreement."""


def idling(log):
    """How often the server agreed to an IDLE; 0 when the last one has ended."""
    text = log_text(log)
    agreed = list(IDLE.finditer(text))
    return len(agreed) if agreed and "SendData: DONE" not in text[agreed[-1].end():] else 0


def told_while_idle(log, number):
    """What the log says from IDLE number `number` until Thunderbird sent something again."""
    text = log_text(log)
    agreed = list(IDLE.finditer(text))[number - 1]
    return text[agreed.end():].partition("SendData:")[0]


class Xvfb:
    """A display that nobody looks at."""

    def __init__(self):
        readable, writable = os.pipe()
        self.process = subprocess.Popen(
            ["Xvfb", "-displayfd", str(writable), "-screen", "0", "1200x800x24", "-nolisten", "tcp"],
            pass_fds=[writable], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        os.close(writable)
        with open(readable) as number:
            self.name = f":{number.readline().strip()}"

    def screenshot(self, file):
        run("import", "-window", "root", file, env=os.environ | {"DISPLAY": self.name})


main()
