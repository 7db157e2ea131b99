"""SMTP for the reference server: takes mail by aiosmtpd and drops it into Maildirs.

usage: reference_smtp.py FOLDER DOMAIN UID SMTP-PORT SUBMISSION-PORT SUBMISSIONS-PORT
"""

import asyncio
import logging
import os
import ssl
import sys
from email.utils import formatdate
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult

MAX_MESSAGE = 50 << 20


class Delivery:
    """What aiosmtpd calls for each command: refuses as Posthaste must, and writes to `new/`."""

    def __init__(self, folder, domain, uid):
        self.domain = domain
        self.uid = uid
        self.folder = folder
        lines = (folder / "passwd").read_text().splitlines()
        self.passwords = dict(line.split(":{PLAIN}", 1) for line in lines)
        self.count = 0

    def authenticate(self, server, session, envelope, mechanism, login):
        known = self.passwords.get(login.login.decode())
        # `handled` would mean that the answer has been written already.
        return AuthResult(success=known is not None and known.encode() == login.password, handled=False)

    async def handle_RCPT(self, server, session, envelope, address, options):
        local, _, domain = address.rpartition("@")
        if domain.lower() != self.domain:
            return "550 5.7.1 we do not relay"
        if address not in self.passwords:
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        trace = (
            f"Return-Path: <{envelope.mail_from.strip('<>')}>\r\n"
            f"Received: from {session.host_name} by reference with ESMTP; {formatdate()}\r\n"
        ).encode()
        for address in envelope.rcpt_tos:
            self.count += 1
            maildir = self.folder / "mail" / address.partition("@")[0] / "Maildir"
            name = f"{self.count}.P{os.getpid()}.reference"
            (maildir / "tmp" / name).write_bytes(trace + envelope.original_content)
            os.chown(maildir / "tmp" / name, self.uid, self.uid)
            os.rename(maildir / "tmp" / name, maildir / "new" / name)
        return "250 2.0.0 delivered"


async def main():
    folder, domain, uid, *ports = sys.argv[1:]
    folder = Path(folder)
    delivery = Delivery(folder, domain, int(uid))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "own.pem", folder / "own.key")
    common = {"data_size_limit": MAX_MESSAGE, "enable_SMTPUTF8": True, "hostname": "localhost"}
    submission = common | {"authenticator": delivery.authenticate, "auth_required": True}
    services = [
        (lambda: SMTP(delivery, tls_context=tls, **common), None),
        (lambda: SMTP(delivery, tls_context=tls, require_starttls=True, **submission), None),
        (lambda: SMTP(delivery, auth_require_tls=False, **submission), tls),
    ]
    loop = asyncio.get_running_loop()
    for (service, context), port in zip(services, ports):
        await loop.create_server(service, "127.0.0.1", int(port), ssl=context)
    await asyncio.Event().wait()


logging.disable(logging.WARNING)
asyncio.run(main())
