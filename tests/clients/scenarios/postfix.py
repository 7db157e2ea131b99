"""Postfix as the other server, both ways: what is submitted here reaches its mailboxes, and what it sends reaches ours."""

import os
import shutil
import smtplib
import socket
import subprocess
import tempfile
from pathlib import Path

from fixture import ALICE, ARTIFACTS, BOB, DOMAIN, HOST, PORTS, check, eventually, imap, message, need, run, skip, step
from fixture import subjects, tls
from restart import restarted

THEIRS = "postfix.test"
TEXTS = {
    "dots": ".\n..\n.a\n\n..b\n",
    "eight bit": "Grüße, 漢字\n",
    "long": "".join(f"{number} {'x' * 70}\n" for number in range(30_000)),
}


def main():
    need("postfix", "openssl")
    if os.geteuid() != 0:
        skip("only root can run Postfix")
    with tempfile.TemporaryDirectory(prefix="postfix-") as folder:
        os.chmod(folder, 0o755)
        postfix = Postfix(Path(folder))
        os.environ["POSTHASTE_ROUTE"] = f'[{{domain="{THEIRS}", host="127.0.0.1", port={postfix.port}}}]'
        try:
            with restarted():
                step("to Postfix")
                to_postfix(postfix)
                step("from Postfix")
                from_postfix(postfix)
        finally:
            run(*postfix.command, "stop")


def to_postfix(postfix):
    with smtplib.SMTP(HOST, PORTS["submission"]) as smtp:
        smtp.starttls(context=tls())
        smtp.login(ALICE["address"], ALICE["password"])
        for subject, text in TEXTS.items():
            mail = message(subject, text, sender=ALICE["address"], to=f"them@{THEIRS}")
            smtp.send_message(mail, ALICE["address"], [f"them@{THEIRS}", f"others@{THEIRS}"])
    for user in ("them", "others"):
        arrived = eventually(f"the mail of {user}", lambda: postfix.messages(user, len(TEXTS)))
        check("subjects", sorted(mail["Subject"] for mail in arrived), sorted(TEXTS))
        for mail in arrived:
            check("text", mail.get_content(), TEXTS[mail["Subject"]])
            assert mail["Received"] and "TLS" in mail.as_string(), mail["Received"]
    log = postfix.log.read_text(errors="replace")
    # One transaction for both recipients, and encrypted.
    check("messages", log.count(": message-id="), len(TEXTS))


def from_postfix(postfix):
    for subject, text in TEXTS.items():
        mail = message(subject, text, sender=f"them@{THEIRS}", to=BOB["address"])
        subprocess.run(
            ["sendmail", "-C", postfix.config, "-i", "-f", f"them@{THEIRS}", ALICE["address"], BOB["address"]],
            input=bytes(mail), check=True, timeout=60,
        )
    for account in (ALICE, BOB):
        client = imap(account, "INBOX")
        eventually("the mail", lambda: client.noop() and len(client.search()) == len(TEXTS))
        check("subjects", sorted(subjects(client).values()), sorted(TEXTS))
        client.logout()


class Postfix:
    """A Postfix of its own: takes mail for its domain into Maildirs, and sends what is for ours to us."""

    def __init__(self, folder):
        self.config, queue, data, self.mail = (folder / name for name in ("etc", "queue", "data", "mail"))
        for each in (self.config, queue, data, self.mail):
            each.mkdir()
        shutil.chown(data, "postfix")
        shutil.chown(self.mail, "nobody")
        self.log = ARTIFACTS / "postfix.log"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN=mx.{THEIRS}",
            "-keyout", self.config / "key.pem", "-out", self.config / "cert.pem")
        (self.config / "master.cf").write_text(
            f"127.0.0.1:{self.port} inet n - n - - smtpd\n"
            "pickup unix n - n 60 1 pickup\ncleanup unix n - n - 0 cleanup\nqmgr unix n - n 300 1 qmgr\n"
            "tlsmgr unix - - n 1000? 1 tlsmgr\nrewrite unix - - n - - trivial-rewrite\nbounce unix - - n - 0 bounce\n"
            "defer unix - - n - 0 bounce\ntrace unix - - n - 0 bounce\nproxymap unix - - n - - proxymap\n"
            "smtp unix - - n - - smtp\nerror unix - - n - - error\nanvil unix - - n - 1 anvil\n"
            "virtual unix - n n - - virtual\npostlog unix-dgram n - n - 1 postlogd\n"
        )
        (self.config / "main.cf").write_text(
            f"compatibility_level = 3.6\nqueue_directory = {queue}\ndata_directory = {data}\nmaillog_file = {self.log}\n"
            f"maillog_file_prefixes = {ARTIFACTS}\nmyhostname = mx.{THEIRS}\nmydestination =\nalias_maps =\n"
            f"virtual_mailbox_domains = {THEIRS}\nvirtual_mailbox_base = {self.mail}\n"
            f"virtual_mailbox_maps = inline:{{ them@{THEIRS}=them/, others@{THEIRS}=others/ }}\n"
            "virtual_uid_maps = static:65534\nvirtual_gid_maps = static:65534\nvirtual_mailbox_limit = 0\n"
            f"relay_domains = {DOMAIN}\nrelay_transport = smtp:[127.0.0.1]:{PORTS['smtp']}\n"
            "default_transport = error:stays here\ninet_interfaces = loopback-only\ninet_protocols = ipv4\n"
            f"smtpd_tls_cert_file = {self.config}/cert.pem\nsmtpd_tls_key_file = {self.config}/key.pem\n"
            "smtpd_tls_security_level = encrypt\nsmtpd_tls_loglevel = 1\nsmtp_tls_security_level = encrypt\n"
            "smtpd_tls_received_header = yes\nsmtpd_forbid_bare_newline = yes\n"
            "import_environment = MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ LANG=C\n"
        )
        self.command = ["postfix", "-c", self.config]
        run(*self.command, "start")

    def messages(self, user, count):
        """The messages of a Maildir, once there are so many."""
        import email
        from email import policy

        files = list((self.mail / user / "new").glob("*"))
        if len(files) < count:
            return None
        return [email.message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]


main()
