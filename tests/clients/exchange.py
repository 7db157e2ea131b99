"""What goes between us and another MTA, both ways: each message octet for octet, each recipient's fate told once."""

import email
import os
import re
import smtplib
import ssl
import subprocess
import tempfile
import time
from email import policy
from pathlib import Path

from fixture import ALICE, BOB, DOMAIN, HOST, PORTS, SERVER, check, eventually, imap, skip, step, tls
from restart import restarted

CROWD = 1_000
"""Recipients of one message."""
UNKNOWN = 60
"""How many of them do not exist, one behind the other: more than a server may want to refuse in one session."""
BODIES = {
    "dots": b".\r\n..\r\n.a\r\n\r\n..b\r\n.\r\n",
    "eight bit": "Grüße, 漢字\r\n".encode() + bytes(range(0x80, 0x100)) + b"\r\n",
    "lines of 998": b"x" * 998 + b"\r\n." + b"y" * 996 + b"\r\n",
    "a longer line": b"z" * 5_000 + b"\r\n",
    "20 MiB": b"%06d all work and no play makes this a large message, line by line by line\r\n" * (20 << 20 >> 6) % (
        *range(20 << 20 >> 6),
    ),
}
SETTINGS = {
    "POSTHASTE_QUEUE__RETRY_FIRST": '"1s"',
    "POSTHASTE_QUEUE__RETRY_MAX": '"2s"',
    "POSTHASTE_SMTP__RECIPIENTS_PER_HOUR": "0",
    "POSTHASTE_SMTP__RECIPIENTS_PER_DAY": "0",
    "POSTHASTE_SMTP__MAX_RECIPIENTS": str(CROWD + 1),
}
"""Of our server, for all of this."""


def exercise(start):
    """`start(folder)` runs the other server."""
    if not SERVER["command"]:
        skip("posthaste's own queue is looked into")
    with tempfile.TemporaryDirectory(prefix="mta-") as folder:
        mta = start(Path(folder))
        try:
            os.environ |= SETTINGS | {"POSTHASTE_ROUTE": mta.routes()}
            with restarted():
                everything(mta)
                mta.verify()
        finally:
            mta.stop()


def everything(mta):
    for way in (out_octets, in_octets, out_utf8, in_utf8, out_binary, out_null, out_reports, out_relayed, in_reports,
                out_limited, out_crowd, in_crowd, out_smuggled, in_smuggled):
        step(way.__name__.replace("_", ": "))
        started = time.monotonic()
        way(mta)
        eventually("an empty queue", lambda: not queued())
        print(f"  {time.monotonic() - started:.1f} s", flush=True)


def out_octets(mta):
    to = [f"them@{mta.domain}", f"others@{mta.domain}"]
    with submission() as smtp:
        for subject, body in BODIES.items():
            send(smtp, ALICE["address"], to, subject, body, ["BODY=8BITMIME"])
    for user in ("them", "others"):
        arrived = mta.take(user, len(BODIES))
        compare(arrived)
        for message in arrived:
            # As they have noted how it came to them.
            assert re.search(rb"(?s)\r\nReceived: from [^;]*mail\.example\.test[^;]*TLS", message), message[:2000]


def in_octets(mta):
    with peer(mta) as smtp:
        for subject, body in BODIES.items():
            send(smtp, f"them@{mta.domain}", [ALICE["address"], BOB["address"]], subject, body, ["BODY=8BITMIME"])
    for account in (ALICE, BOB):
        arrived = take(account, len(BODIES))
        compare(arrived)
        for message in arrived:
            assert re.match(rb"Return-Path: <them@" + mta.domain.encode() + rb">\r\n", message), message[:500]
            assert b"with ESMTPS" in message[:2000], message[:2000]


def out_null(mta):
    """A notification by hand (RFC 8098 §3), which goes out without a sender and so is reported to nobody."""
    with submission() as smtp:
        for user in ("them", "nobody"):
            send(smtp, "", [f"{user}@{mta.domain}"], "read", b"x\r\n", [], ["NOTIFY=SUCCESS,FAILURE"])
    (message,) = mta.take("them")
    assert message.lower().startswith(b"return-path: <>\r\n"), message
    eventually("an empty queue", lambda: not queued())
    check("reports", clear(ALICE), [])


def out_limited(mta):
    """A server that takes few recipients at a time gets them by several transactions, all at the first attempt."""
    with submission() as smtp:
        send(smtp, ALICE["address"], [f"u{number}@{mta.old_domain}" for number in range(90)], "many", b"x\r\n")
    check("messages", len(mta.take("crowd", 90)), 90)


def out_utf8(mta):
    with submission() as smtp:
        send(smtp, ALICE["address"], [f"grün@{mta.domain}"], "Größe", b"x\r\n", ["SMTPUTF8", "BODY=8BITMIME"])
    (message,) = mta.take("utf8")
    assert "Subject: Größe\r\n".encode() in message, message


def in_utf8(mta):
    with peer(mta) as smtp:
        send(smtp, f"grün@{mta.domain}", [BOB["address"]], "Größe", b"x\r\n", ["SMTPUTF8", "BODY=8BITMIME"])
    (message,) = take(BOB)
    assert message.startswith(f"Return-Path: <grün@{mta.domain}>\r\n".encode()), message
    assert "Subject: Größe\r\n".encode() in message and b"UTF8SMTPS" in message, message


def out_binary(mta):
    """BODY=BINARYMIME by BDAT, with everything that ends a message somewhere, as text that anybody can take."""
    binary = b"\0\n.\n\r.\r\r\n.\r\n\r\n.\nMAIL FROM:<evil@example.net>\r\n" + bytes(range(256)) * 16
    headers = b"MIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n"
    message = b"From: " + ALICE["address"].encode() + b"\r\nSubject: binary\r\n" + headers + b"\r\n" + binary
    with submission() as smtp:
        said(smtp.docmd(f"MAIL FROM:<{ALICE['address']}> BODY=BINARYMIME"), 250)
        said(smtp.docmd(f"RCPT TO:<them@{mta.domain}>"), 250)
        for piece, last in ((message[:100], ""), (message[100:], " LAST")):
            smtp.send(f"BDAT {len(piece)}{last}\r\n".encode() + piece)
            said(smtp.getreply(), 250)
    (message,) = mta.take("them")
    check("content", parsed(message).get_content(), binary)


def out_reports(mta):
    """RFC 3461: what the sender asked for is passed on; what is refused we report ourselves."""
    dsn = ["RET=HDRS", "ENVID=QQ+2Bxyz"]
    to = f"them@{mta.domain}"
    with submission() as smtp:
        send(smtp, ALICE["address"], [to], "delivered", b"secret\r\n", dsn,
             ["NOTIFY=SUCCESS,FAILURE,DELAY", "ORCPT=rfc822;First+2BName@example.net"])
        # No such recipient.
        for notify in ("FAILURE", "SUCCESS,DELAY", "NEVER"):
            send(smtp, ALICE["address"], [f"nobody@{mta.domain}"], f"not {notify}", b"secret\r\n", dsn,
                 [f"NOTIFY={notify}", "ORCPT=rfc822;Second@example.net"])
        # Behind it nothing is left that could be reported.
        eventually("an empty queue", lambda: not queued())
    check("subjects", [parsed(message)["Subject"] for message in mta.take("them")], ["delivered"])
    told = [report(message) for message in take(ALICE, 2)]
    told.sort(key=lambda one: one["action"])
    check("actions", [one["action"] for one in told], ["delivered", "failed"])
    for one, original in zip(told, ("First+Name@example.net", "Second@example.net")):
        check("Return-Path", one["return-path"], "<>")
        check("envelope", decoded(one["original-envelope-id"]), "QQ+xyz")
        assert original in decoded(one["original-recipient"]), one
        # RET=HDRS is about what is returned of the message.
        assert "secret" not in one["text"], one["text"]
    delivered, failed = told
    check("Final-Recipient", address(delivered["final-recipient"]), to)
    check("Final-Recipient", address(failed["final-recipient"]), f"nobody@{mta.domain}")
    assert re.match(r"5\.\d\.\d", failed["status"]) and "550" in failed["diagnostic-code"], failed
    check("Remote-MTA", failed["remote-mta"], "dns; [127.0.0.1]")


def out_relayed(mta):
    """RFC 3461 §5.2.2: to a server that does not know DSN we tell that much."""
    to = f"them@{mta.old_domain}"
    with submission() as smtp:
        send(smtp, ALICE["address"], [to], "relayed", b"x\r\n", ["ENVID=QQ+2Bxyz"], ["NOTIFY=SUCCESS,DELAY"])
    (message,) = mta.take("them")
    check("subject", parsed(message)["Subject"], "relayed")
    (one,) = [report(message) for message in take(ALICE)]
    check("action", (one["action"], decoded(one["original-envelope-id"])), ("relayed", "QQ+xyz"))
    check("Final-Recipient", address(one["final-recipient"]), to)
    assert one["status"].startswith("2."), one


def in_reports(mta):
    """RFC 3461: we deliver, so we tell. To nobody, when there is nobody to tell."""
    with peer(mta) as smtp:
        send(smtp, f"them@{mta.domain}", [ALICE["address"]], "tell", b"secret\r\n", ["RET=HDRS", "ENVID=QQ+2Bxyz"],
             ["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;First+2BName@example.net"])
        send(smtp, f"them@{mta.domain}", [ALICE["address"]], "hush", b"x\r\n", [], ["NOTIFY=NEVER"])
        send(smtp, "", [ALICE["address"]], "a report", b"x\r\n", [], ["NOTIFY=FAILURE"])
    arrived = {parsed(message)["Subject"]: message for message in take(ALICE, 3)}
    check("subjects", sorted(arrived), ["a report", "hush", "tell"])
    assert arrived["a report"].startswith(b"Return-Path: <>\r\n"), arrived["a report"][:500]
    (one,) = [report(message) for message in mta.take("them")]
    check("action", one["action"], "delivered")
    check("Return-Path", one["return-path"], "<>")
    check("envelope", decoded(one["original-envelope-id"]), "QQ+xyz")
    assert "First+Name@example.net" in decoded(one["original-recipient"]), one
    check("Final-Recipient", address(one["final-recipient"]), ALICE["address"])
    assert "secret" not in one["text"], one["text"]


def out_crowd(mta):
    with submission() as smtp:
        to = [f"u{number}@{mta.domain}" for number in range(CROWD - UNKNOWN)]
        lost = [f"lost{number}@{mta.domain}" for number in range(UNKNOWN)]
        send(smtp, ALICE["address"], to[:50] + lost + to[50:], "crowd", b"x\r\n")
    check("messages", len(mta.take("crowd", len(to))), len(to))
    eventually("an empty queue", lambda: not queued())
    told = [one for message in take(ALICE) for one in recipients(message)]
    check("failures", sorted(told), sorted((one, "failed") for one in lost))


def in_crowd(mta):
    with peer(mta) as smtp:
        to = [f"alice+{number}@{DOMAIN}" for number in range(CROWD - UNKNOWN)]
        lost = [f"lost{number}@{DOMAIN}" for number in range(UNKNOWN)]
        send(smtp, f"them@{mta.domain}", to[:50] + lost + to[50:], "crowd", b"x\r\n")
    # The other server splits it, and tells of those that we refused, perhaps in several reports.
    told = []

    def all_told():
        told.extend(one for message in mta.messages("them") for one in recipients(message))
        return len(set(told)) == UNKNOWN or told.clear()

    eventually("the reports", all_told)
    mta.take("them", 0)
    check("failures", sorted(told), sorted((one, "failed") for one in lost))
    assert take(ALICE), "nothing came"


ENDS = [
    b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r", b"\n\r.\r\n", b"\r\n.\r\r\n", b"\r\n\0.\r\n",
]
"""What some server has taken for the end of a message."""


def out_smuggled(mta):
    """Our users cannot have us send what another server takes for two messages."""
    header = f"From: {ALICE['address']}\r\nSubject: split\r\n\r\na".encode()
    for end in ENDS:
        with submission() as smtp:
            said(smtp.docmd(f"MAIL FROM:<{ALICE['address']}>"), 250)
            said(smtp.docmd(f"RCPT TO:<them@{mta.domain}>"), 250)
            said(smtp.docmd("DATA"), 354)
            smtp.send(header + end + evil(f"others@{mta.domain}"))
            code, text = smtp.getreply()
            assert code >= 500, (end, code, text)
    for user in ("them", "others"):
        check("messages", mta.messages(user), [])


def in_smuggled(mta):
    """What another server passes on, or takes for the end itself: bob gets what that has accepted for him, no more."""
    accepted = 0
    for end in ENDS:
        with peer(mta) as smtp:
            said(smtp.docmd(f"MAIL FROM:<them@{mta.domain}>"), 250)
            said(smtp.docmd(f"RCPT TO:<{ALICE['address']}>"), 250)
            said(smtp.docmd("DATA"), 354)
            smtp.send(b"From: them\r\nSubject: split\r\n\r\na" + end + evil(BOB["address"]))
            replies = []
            while 221 not in replies:
                replies.append(smtp.getreply()[0])
        print(f"  {end!r}: {replies}")
        accepted += replies.count(354)
    eventually("an empty queue there", mta.idle)
    check("messages for bob", len(clear(BOB)), accepted)
    clear(ALICE)
    mta.take("them", 0)


def evil(to):
    return (
        f"MAIL FROM:<evil@example.net>\r\nRCPT TO:<{to}>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n".encode()
        + b"QUIT\r\n"
    )


def submission():
    """A session of alice."""
    smtp = smtplib.SMTP(HOST, PORTS["submission"], timeout=60)
    smtp.starttls(context=tls())
    smtp.login(ALICE["address"], ALICE["password"])
    return smtp


def peer(mta, port=None):
    """An encrypted session with the other server."""
    smtp = smtplib.SMTP("127.0.0.1", port or mta.port, timeout=60)
    context = ssl.create_default_context(cafile=mta.certificate)
    context.check_hostname = False
    smtp.starttls(context=context)
    smtp.ehlo("client.test")
    return smtp


def send(smtp, sender, to, subject, body, mail=(), rcpt=()):
    """Sends octets as they are, all recipients by one transaction."""
    said(smtp.mail(sender, [*mail]), 250)
    for one in to:
        if "SMTPUTF8" in mail:
            smtp.command_encoding = "utf-8"
        said(smtp.rcpt(one, [*rcpt]), 250)
    header = f"From: {sender or ALICE['address']}\r\nTo: you:;\r\nSubject: {subject}\r\n"
    header += "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    said(smtp.data(header.encode() + body), 250)


def said(reply, wanted):
    assert reply[0] == wanted, f"expected {wanted}, got {reply}"


def compare(messages):
    """Each of the bodies has come once, octet for octet."""
    found = {}
    for message in messages:
        header, _, body = message.partition(b"\r\n\r\n")
        subject = re.search(rb"^Subject: (.*)\r$", header, re.MULTILINE)[1].decode()
        assert subject not in found, f"{subject} came twice"
        found[subject] = body
    check("subjects", sorted(found), sorted(BODIES))
    for subject, body in BODIES.items():
        assert found[subject] == body, f"{subject}: {len(body)} octets became {len(found[subject])}"


def take(account, count=1):
    """Waits for so many messages in INBOX, removes all that are there, and returns them."""
    client = imap(account, "INBOX")
    eventually(f"{count} messages", lambda: client.noop() and len(client.search()) >= count)
    uids = client.search()
    found = client.fetch(uids, ["BODY.PEEK[]"]) if uids else {}
    if found:
        client.delete_messages(list(found))
        client.expunge()
    client.logout()
    return [data[b"BODY[]"] for data in found.values()]


def clear(account):
    """Removes what is in INBOX, and returns it."""
    return take(account, 0)


def queued():
    """What `posthaste queue list` tells, an entry a line."""
    program, settings = str(SERVER["command"][0]), str(SERVER["command"][-1])
    done = subprocess.run([program, "queue", "list", "--config", settings], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[1:]


def report(message):
    """The fields of a report about one recipient, and all of its text."""
    mail = parsed(message)
    check("type", mail.get_content_type(), "multipart/report")
    (status,) = (part for part in mail.walk() if part.get_content_type() == "message/delivery-status")
    about_message, about_recipient = status.get_payload()
    fields = {name.lower(): str(value) for block in (about_message, about_recipient) for name, value in block.items()}
    return fields | {"return-path": mail["Return-Path"], "text": message.decode(errors="replace")}


def recipients(message):
    """Whom a report tells of: address and action."""
    mail = parsed(message)
    (status,) = (part for part in mail.walk() if part.get_content_type() == "message/delivery-status")
    return [(address(block["Final-Recipient"]), block["Action"]) for block in status.get_payload()[1:]]


def address(field):
    """`rfc822; a@b` without its type."""
    return field.partition(";")[2].strip()


def decoded(field):
    """What xtext (RFC 3461 §4) says, whether or not the reporter has decoded it, as §6.3 wants."""
    return re.sub(r"\+([0-9A-F]{2})", lambda found: chr(int(found[1], 16)), field)


def parsed(message):
    return email.message_from_bytes(message, policy=policy.default)
