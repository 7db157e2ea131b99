"""dkimpy: what an account submits carries two signatures that another implementation believes."""

import re
import smtplib

import dkim

from fixture import ALICE, BOB, DOMAIN, HOST, PORTS, SERVER, WAIT_SECONDS, check, imap, message, run, skip, step, tls

LINE = re.compile(r'^(\S+)\. IN TXT \((.*)\)$', re.MULTILINE)


def main():
    if not SERVER["command"]:
        skip("posthaste's own command makes the keys")
    step("keys, made while the server runs")
    program, settings = str(SERVER["command"][0]), str(SERVER["command"][-1])
    said = run(program, "dkim", "create", DOMAIN, "--config", settings)
    records = {name: "".join(re.findall(r'"([^"]*)"', strings)).encode() for name, strings in LINE.findall(said)}
    check("records", len(records), 2)

    step("two signatures")
    with smtplib.SMTP_SSL(HOST, PORTS["submissions"], timeout=WAIT_SECONDS, context=tls()) as smtp:
        smtp.login(ALICE["address"], ALICE["password"])
        mail = message("signed", "Two  blanks \n\n.dot\n\n\n", sender=ALICE["address"], to=BOB["address"])
        smtp.send_message(mail, ALICE["address"], [BOB["address"]])
    client = imap(BOB, "INBOX")
    (data,) = client.fetch(client.search(), ["BODY.PEEK[]"]).values()
    client.logout()
    signed = data[b"BODY[]"]
    check("signatures", signed.count(b"\r\nDKIM-Signature:"), 2)

    def look_up(name, timeout=5):
        return records.get(name.decode().rstrip("."))

    for number in range(2):
        assert dkim.DKIM(signed).verify(idx=number, dnsfunc=look_up), f"signature {number}:\n{signed.decode()}"
        changed = signed.replace(b"Subject: signed", b"Subject: forged")
        assert not dkim.DKIM(changed).verify(idx=number, dnsfunc=look_up), number
        # Oversigned: nobody can add a second one in front.
        added = signed.replace(b"\r\nFrom:", b"\r\nFrom: evil@example.net\r\nFrom:", 1)
        assert not dkim.DKIM(added).verify(idx=number, dnsfunc=look_up), number


main()
