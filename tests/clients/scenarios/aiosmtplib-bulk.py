"""aiosmtplib: 200 messages over ten connections arrive exactly once; every way to log in; an SMTPUTF8 message."""

import asyncio
from collections import Counter

import aiosmtplib

from fixture import ALICE, BOB, HOST, PORTS, WAIT_SECONDS, check, imap, message, step, subjects, tls

MESSAGES = 200
CONNECTIONS = 10


async def main():
    step("STARTTLS, AUTH PLAIN and AUTH LOGIN")
    for mechanism in ("plain", "login"):
        async with connection(PORTS["submission"], start_tls=True) as smtp:
            await smtp.ehlo()
            await getattr(smtp, f"auth_{mechanism}")(ALICE["address"], ALICE["password"])
            await smtp.send_message(message(f"by {mechanism}", sender=ALICE["address"], to=BOB["address"]))
    async with connection(PORTS["submissions"], use_tls=True) as smtp:
        await smtp.login(ALICE["address"], ALICE["password"])
        await smtp.send_message(message("by TLS", sender=ALICE["address"], to=BOB["address"]))

    step("no AUTH without TLS, and none with a wrong password")
    async with connection(PORTS["submission"], start_tls=False) as smtp:
        await smtp.ehlo()
        assert not smtp.supported_auth_methods, smtp.supported_auth_methods
    async with connection(PORTS["submissions"], use_tls=True) as smtp:
        try:
            await smtp.login(ALICE["address"], "wrong")
            raise AssertionError("a wrong password was accepted")
        except aiosmtplib.SMTPAuthenticationError as error:
            check("code", error.code, 535)

    step("SMTPUTF8")
    async with connection(PORTS["smtp"], start_tls=False) as smtp:
        await smtp.ehlo()
        assert smtp.supports_extension("SMTPUTF8")
        mail = "From: Ørjan <ørjan@elsewhere.test>\r\nTo: {}\r\nSubject: ünïcode\r\n\r\nhø\r\n".format(BOB["address"])
        await smtp.mail("ørjan@elsewhere.test", options=["SMTPUTF8", "BODY=8BITMIME"], encoding="utf-8")
        await smtp.rcpt(BOB["address"])
        await smtp.data(mail.encode())

    step(f"{MESSAGES} messages over {CONNECTIONS} connections")
    await asyncio.gather(*(send(worker) for worker in range(CONNECTIONS)))

    step("what arrived")
    client = imap(BOB, "INBOX")
    arrived = Counter(subjects(client).values())
    check("SMTPUTF8 subject", arrived.pop("ünïcode"), 1)
    expected = [f"bulk {number}" for number in range(MESSAGES)] + ["by plain", "by login", "by TLS"]
    check("subjects", arrived, Counter(expected))
    client.logout()


async def send(worker):
    async with connection(PORTS["smtp"], start_tls=worker % 2 == 0) as smtp:
        for number in range(worker, MESSAGES, CONNECTIONS):
            mail = message(f"bulk {number}", text="x" * number + "\n", to=BOB["address"])
            await smtp.send_message(mail, sender="carol@elsewhere.test", recipients=[BOB["address"]])


def connection(port, **more):
    return aiosmtplib.SMTP(hostname=HOST, port=port, tls_context=tls(), timeout=WAIT_SECONDS, **more)


asyncio.run(main())
