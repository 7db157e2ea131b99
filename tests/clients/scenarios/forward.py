"""dkimpy believes the seals of what is forwarded, one set and several; Mail::SRS takes back the senders that we have rewritten,
and we those that it has."""

import os
import re
import shutil
import smtplib
import subprocess
import tempfile
import time
from pathlib import Path

import dkim

from exchange import queued
from fixture import DOMAIN, HOST, PORTS, SERVER, WAIT_SECONDS, check, eventually, need, run, skip, step
from names import name_server
from restart import restarted
from servers import free_ports

LINE = re.compile(r'^(\S+)\. IN TXT \((.*)\)$', re.MULTILINE)
SENDER = "Sam.O'Neil+list=x@example.net"
SRS = """use Mail::SRS; no warnings;
my ($secret, $what, $address, $alias) = @ARGV;
my $srs = new Mail::SRS(Secret => $secret, MaxAge => 21, HashLength => 4, HashMin => 4);
print $what eq "forward" ? $srs->forward($address, $alias) : $srs->reverse($address);"""


def main():
    need("smtp-sink", "perl")
    if os.geteuid() != 0:
        skip("smtp-sink becomes another user")
    if not SERVER["command"]:
        skip("posthaste's own command makes aliases and keys")
    (port,) = free_ports(1)
    said = posthaste("dkim", "create", DOMAIN)
    records = {name: "".join(re.findall(r'"([^"]*)"', strings)).encode() for name, strings in LINE.findall(said)}
    posthaste("alias", "add", f"away@{DOMAIN}", "bob@good.test")
    with tempfile.TemporaryDirectory(prefix="smtp-sink-") as folder, name_server(records) as names:
        os.chmod(folder, 0o755)
        shutil.chown(folder, "nobody")
        sink = subprocess.Popen(["smtp-sink", "-u", "nobody", "-d", f"{folder}/", f"127.0.0.1:{port}", "100"])
        os.environ |= {
            "POSTHASTE_ROUTE": f'[{{domain="good.test", host="127.0.0.1", port={port}}}]',
            "POSTHASTE_DNS__SERVERS": f'["127.0.0.1:{names}"]',
            "POSTHASTE_DNS__DNSSEC": '"off"',
            "POSTHASTE_ORIGIN__TRUSTED": "[]",
            "POSTHASTE_ORIGIN__GATEWAYS": "[]",
            "POSTHASTE_ORIGIN__GREYLISTING": '"off"',
            "POSTHASTE_ORIGIN__NO_MX": '"accept"',
        }
        try:
            with restarted():
                forwarded(Path(folder), records)
        finally:
            sink.kill()
            sink.wait()


def forwarded(folder, records):
    def look_up(name, timeout=5):
        return records.get(name.decode().rstrip("."))

    message = f"From: Sam <sam@example.net>\r\nTo: away@{DOMAIN}\r\nSubject: once\r\n\r\nTwo  blanks \r\n\r\n\r\n".encode()
    senders = []
    for sets in (1, 2, 3):
        step(f"{sets} set(s) of seals")
        message, sender = send(folder, message)
        verdict, found, why = dkim.arc_verify(message, dnsfunc=look_up)
        check("chain", (verdict, len(found)), (dkim.CV_Pass, sets))
        broken = message.replace(b"Two  blanks", b"Three  blanks")
        check("a changed message", dkim.arc_verify(broken, dnsfunc=look_up)[0], dkim.CV_Fail)
        senders.append(sender)
        message = elsewhere(message)

    step("a chain that is broken gets one last set")
    last, _ = send(folder, elsewhere(broken))
    assert b"cv=fail" in last and b"ARC-Seal: i=4;" in last, last.decode()
    again, _ = send(folder, elsewhere(last))
    check("sets", again.count(b"ARC-Seal:"), 4)

    step("Mail::SRS")
    if subprocess.run(["perl", "-MMail::SRS", "-e1"], capture_output=True).returncode:
        print("  no Mail::SRS: not compared", flush=True)
        return
    secret = (data() / "srs-secrets").read_text().split()[0]
    for sender in senders:
        check("made by us, taken back by it", srs(secret, "reverse", sender), SENDER)
    # It may be midnight.
    assert srs(secret, "forward", SENDER, f"x@{DOMAIN}") in (senders[-1], *senders) or time.gmtime().tm_hour == 0
    with smtplib.SMTP(HOST, PORTS["smtp"], timeout=WAIT_SECONDS) as smtp:
        smtp.ehlo("client.example")
        for address, code in [(srs(secret, "forward", SENDER, f"x@{DOMAIN}"), 250), (f"SRS0=AAAA=AA=x.example=y@{DOMAIN}", 550)]:
            smtp.mail("")
            check(address, smtp.rcpt(address)[0], code)
            smtp.rset()
        # A second forwarder.
        theirs = srs("another secret", "forward", SENDER, "x@other.example")
        twice = srs(secret, "forward", theirs, f"x@{DOMAIN}")
        assert twice.startswith("SRS1"), twice
        smtp.mail("")
        check(twice, smtp.rcpt(twice)[0], 250)


def elsewhere(message):
    """As if another alias had forwarded it, so that it is not in circles."""
    return re.sub(rb"(?m)^(Delivered-To|X-[A-Za-z-]+): .*\r\n", b"", message)


def send(folder, message):
    """As the sink gets it, and its sender."""
    for file in folder.iterdir():
        file.unlink()
    with smtplib.SMTP(HOST, PORTS["smtp"], timeout=WAIT_SECONDS) as smtp:
        smtp.ehlo("client.example")
        smtp.sendmail(SENDER, [f"away@{DOMAIN}"], message)
    eventually("an empty queue", lambda: not queued())
    (file,) = folder.iterdir()
    text = file.read_bytes()
    (sender,) = re.findall(rb"(?m)^X-Mail-Args: <([^>]*)>", text)
    # What smtp-sink writes in front.
    head = re.compile(rb"\A(?:X-[A-Za-z-]+: .*\n|Received: from .*\n(?:[ \t].*\n)*?(?=Delivered-To))+")
    return head.sub(b"", text).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), sender.decode()


def srs(*words):
    return subprocess.run(["perl", "-e", SRS, *words], check=True, capture_output=True, text=True).stdout


def data():
    return Path(SERVER["data"])


def posthaste(*words):
    program, settings = str(SERVER["command"][0]), str(SERVER["command"][-1])
    return run(program, *words, "--config", settings)


main()
