"""The same dialogs with Posthaste and with Debian's Dovecot: every difference is one that docs/differences.md explains.

A dialog is a file in dialogs/. `C: command` is said by the session `a`, `C[b]: …` by another; `<<text>>` is a literal, and
`APPEND …` by itself takes a message of tests/transcripts/messages. What both answer to a command is compared when what may
differ without meaning is taken out: texts for people, the order in which data come, how a string is written, the numbers
that a server chooses (UIDVALIDITY, MODSEQ), and what one of them tells unasked (the page names it).

The page has a row for each difference; one that is not there fails, and so does a row that nothing needs any more.
"""

import os
import re
import socket
import ssl
import sys
import tempfile
from pathlib import Path

from fixture import ARTIFACTS, HOST, SERVER, WAIT_SECONDS, check, need, skip, step

CLIENTS = Path(__file__).resolve().parent.parent
ROOT = CLIENTS.parent.parent
PAGE = ROOT / "docs" / "differences.md"
MESSAGES = CLIENTS.parent / "transcripts" / "messages"


def main():
    need("openssl")
    if os.geteuid() != 0 or not os.access("/usr/sbin/dovecot", os.X_OK):
        skip("Dovecot is not installed, or cannot run without root")
    if SERVER["name"].startswith("Dovecot"):
        skip("this compares the other server with Dovecot")
    sys.path.insert(0, str(CLIENTS))
    from reference import Reference

    with tempfile.TemporaryDirectory(prefix="posthaste-differences-", ignore_cleanup_errors=True) as folder:
        dovecot = Reference(Path(folder), ARTIFACTS / "dovecot.log")
        try:
            if not dovecot.name.startswith("Dovecot 2.3"):
                skip(f"docs/differences.md is about Dovecot 2.3, and this is {dovecot.name}")
            theirs = Peer(HOST, dovecot.ports["imaps"], f"alice@{dovecot_domain()}", dovecot.passwords["alice"])
            alice = SERVER["accounts"]["alice"]
            ours = Peer(HOST, SERVER["ports"]["imaps"], alice["address"], alice["password"])
            found = [row for path in sorted((CLIENTS / "dialogs").glob("*.txt")) for row in compare(path, ours, theirs)]
        finally:
            dovecot.stop()
    judge(found)


def dovecot_domain():
    from servers import DOMAIN

    return DOMAIN


def compare(path, ours, theirs):
    """The differences of one dialog, as (dialog, command, Dovecot, Posthaste)."""
    step(path.stem)
    commands = 0
    for line in path.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        session, command = read(line)
        answers = [peer.session(session).run(command) for peer in (theirs, ours)]
        commands += 1
        if answers[0] != answers[1]:
            yield (path.stem, f"{session}: {shown(command)}" if session != "a" else shown(command), *answers)
    ours.close()
    theirs.close()
    assert commands, f"{path.stem} says nothing"


def read(line):
    """Whose command a line is, and the command in pieces: text and literals (bytes) by turns."""
    if line.startswith("APPEND "):
        _, mailbox, message, *rest = line.split(" ", 3)
        octets = (MESSAGES / message).read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        return "a", [f"APPEND {mailbox} {''.join(word + ' ' for word in rest)}", octets, ""]
    said = re.fullmatch(r"C(?:\[(\w+)\])?: (.*)", line)
    assert said, f"what is {line!r}?"
    pieces = re.split(r"<<(.*?)>>", said[2])
    return said[1] or "a", [piece if n % 2 == 0 else piece.encode() for n, piece in enumerate(pieces)]


def shown(command):
    text = "".join(piece if isinstance(piece, str) else "{…}" for piece in command)
    return text.replace("|", "\\|")


def judge(found):
    """Holds what was found against the page."""
    explained = set()
    for line in PAGE.read_text().splitlines():
        cells = re.split(r"(?<!\\)\|", line)
        if len(cells) == 6 and "`" in line:
            explained.add(tuple(cell.strip().strip("`").strip() for cell in cells[1:5]))
    for row in found:
        if row not in explained:
            print("not explained: | " + " | ".join(f"`{cell}`" for cell in row) + " |")
    for row in sorted(explained - set(found)):
        print("explained, and no difference any more: | " + " | ".join(f"`{cell}`" for cell in row) + " |")
    check("differences", set(found) == explained, True)


class Peer:
    """A server, and the sessions that a dialog has with it."""

    def __init__(self, host, port, login, password):
        self.address = (host, port)
        self.login = f'LOGIN {login} "{password}"'
        self.sessions = {}

    def session(self, name):
        if name not in self.sessions:
            self.sessions[name] = Session(self.address)
            assert self.sessions[name].run([self.login]).endswith("OK"), "cannot log in"
        return self.sessions[name]

    def close(self):
        for session in self.sessions.values():
            session.socket.close()
        self.sessions.clear()


class Session:
    """One connection. The certificate is each server's own, and not what this is about."""

    def __init__(self, address):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.socket = context.wrap_socket(socket.create_connection(address, timeout=WAIT_SECONDS))
        self.file = self.socket.makefile("rb")
        self.count = 0
        self.response()

    def run(self, command):
        """What is answered to a command, made comparable."""
        self.count += 1
        tag = f"t{self.count}"
        self.socket.sendall(f"{tag} ".encode())
        untagged = []
        for piece in command:
            if isinstance(piece, str):
                self.socket.sendall(piece.encode())
                continue
            self.socket.sendall(b"{%d}\r\n" % len(piece))
            while not (response := self.response()).startswith(b"+"):
                if response.startswith(tag.encode()):
                    return comparable(command[0], untagged, response)
                untagged.append(response)
            self.socket.sendall(piece)
        self.socket.sendall(b"\r\n")
        while not (response := self.response()).startswith(tag.encode() + b" "):
            if response.startswith(b"+"):
                # IDLE and the like: the client has nothing more to say.
                self.socket.sendall(b"DONE\r\n")
            else:
                untagged.append(response)
        return comparable(command[0], untagged, response)

    def response(self):
        """A line with its literals."""
        response = b""
        while True:
            line = self.file.readline()
            assert line.endswith(b"\n"), "the connection was closed"
            response += line
            literal = re.search(rb"\{(\d+)\}\r\n$", line)
            if not literal:
                return response
            response += self.file.read(int(literal[1]))


CHOSEN = re.compile(
    r"(?<=UIDVALIDITY )\d+|(?<=HIGHESTMODSEQ )\d+|(?<=APPENDUID )\d+|(?<=COPYUID )\d+|(?<=MODSEQ )\d+|(?<=MODSEQ \()\d+"
)
"""Numbers that a server chooses."""


UNASKED = re.compile(r"OK \[(HIGHESTMODSEQ|MAILBOXID) .*|\d+ RECENT")
"""What a server may tell whenever it likes, and of which nothing follows."""


def comparable(command, untagged, tagged):
    """One line of text: the untagged data, sorted but for EXPUNGE, and the tagged answer without its text."""
    data, expunged = [], []
    for response in untagged:
        text = datum(response, "UID" in command.upper())
        if text and UNASKED.fullmatch(text):
            continue
        if text and re.fullmatch(r"\d+ EXPUNGE", text):
            expunged.append(text)
        elif text:
            data.append(text)
    return "; ".join(sorted(data) + expunged + [status(tagged.split(b" ", 1)[1])])


def status(response):
    """OK, NO or BAD with the response code."""
    word, _, rest = response.decode(errors="replace").strip().partition(" ")
    code = re.match(r"\[([^\]]*)\]", rest)
    if not code or code[1].startswith(("CAPABILITY", "MAILBOXID")):
        return word
    return CHOSEN.sub("#", f"{word} [{ordered(code[1])}]")


def ordered(code):
    """PERMANENTFLAGS has no order."""
    name, _, rest = code.partition(" ")
    found = re.fullmatch(r"\((.*)\)", rest)
    return f"{name} {text_of(flags(found[1].split()))}" if found and name == "PERMANENTFLAGS" else code


def flags(values):
    """The flags of a mailbox; $Forwarded has a letter in Maildir names, so that Posthaste has it everywhere."""
    return sorted(value for value in values if value != "$Forwarded")


def datum(response, with_uid):
    """An untagged response; `None` for a text that only people read."""
    response = response[2:]
    if response.split(b" ")[0] in (b"OK", b"NO", b"BAD", b"BYE"):
        text = status(response)
        return text if "[" in text else None
    values = list(Values(response))
    kind = values[1] if values[0].isdigit() and len(values) > 1 else values[0]
    if kind == "FETCH":
        values = [values[0], "FETCH", pairs(values[2], with_uid)]
    elif kind == "STATUS":
        values = [kind, octets(values[1]), pairs(values[2])]
    elif kind == "FLAGS":
        values[1] = flags(values[1])
    elif kind in ("LIST", "LSUB"):
        values[1], values[3] = sorted(values[1]), octets(values[3])
    elif kind in ("SEARCH", "SORT") and isinstance(values[-1], list):
        values[-1] = pairs(values[-1])
    elif kind == "ESEARCH":
        values = [values[0], *sorted(values[2:], key=str)]
    return CHOSEN.sub("#", " ".join(map(text_of, values)))


def octets(value):
    """An astring is the same with quotes and without."""
    return value.encode() if isinstance(value, str) else value


def pairs(values, with_uid=True):
    """Items with their values, in the order of their names. Flags have no order, names of MIME no case."""
    items = []
    for name, value in zip(values[::2], values[1::2]):
        name = name.upper()
        if name == "FLAGS":
            value = sorted(value)
        text = text_of(value)
        if name in ("BODY", "BODYSTRUCTURE"):
            text = text.upper()
        if with_uid or name != "UID":
            items.append(f"{name} {text}")
    return sorted(items)


def text_of(value):
    if isinstance(value, list):
        return "(" + " ".join(map(text_of, value)) + ")"
    if isinstance(value, bytes):
        return '"' + value.decode(errors="replace").replace("\r\n", "\\n").replace("|", "\\|") + '"'
    return value


class Values:
    """Reads what stands in a response: lists, strings (bytes), and atoms (str), also such as BODY[TEXT]."""

    def __init__(self, response):
        self.rest = response.rstrip(b"\r\n")

    def __iter__(self):
        while self.rest:
            if self.rest[:1] == b" ":
                self.rest = self.rest[1:]
            elif self.rest[:1] == b")":
                self.rest = self.rest[1:]
                return
            else:
                yield self.value()

    def value(self):
        if self.rest[:1] == b"(":
            self.rest = self.rest[1:]
            return list(self)
        if literal := re.match(rb"~?\{(\d+)\}\r\n", self.rest):
            end = literal.end() + int(literal[1])
            found, self.rest = self.rest[literal.end():end], self.rest[end:]
            return found
        if quoted := re.match(rb'"((?:[^"\\]|\\.)*)"', self.rest):
            self.rest = self.rest[quoted.end():]
            return re.sub(rb"\\(.)", rb"\1", quoted[1])
        atom = re.match(rb"(?:\[[^\]]*\]|[^ ()\[\"])+", self.rest)
        self.rest = self.rest[atom.end():]
        return atom[0].decode(errors="replace")


main()
