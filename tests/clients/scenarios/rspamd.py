"""rspamd as a filter by the milter protocol: what it refuses is refused, what it marks is in Junk, everything else passes. And
what is moved into Junk and out of it is learnt."""

import json
import os
import smtplib
import socket
import subprocess
import tempfile
import urllib.request
from pathlib import Path

from fixture import ALICE, ARTIFACTS, HOST, PORTS, check, eventually, imap, message, need, skip, step
from restart import restarted

PATTERN = "JS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
"""What every spam filter knows as spam for tests. With X in front rspamd refuses it, with Y it marks it."""
SENDER = "sender@elsewhere.test"
PASSWORD = "password of the controller"


def main():
    need("rspamd")
    if os.geteuid() != 0:
        skip("only root can run rspamd as Debian has it")
    with tempfile.TemporaryDirectory(prefix="rspamd-") as folder:
        os.chmod(folder, 0o777)
        rspamd = Rspamd(Path(folder))
        try:
            for address in (f"127.0.0.1:{rspamd.port}", f"unix:{rspamd.socket}"):
                step(address)
                os.environ["POSTHASTE_MILTER"] = f'[{{name="rspamd", address="{address}", mail="all"}}]'
                with restarted():
                    filtered()
            step("learning")
            os.environ["POSTHASTE_TRAINING__URL"] = f"http://127.0.0.1:{rspamd.controller}"
            os.environ["POSTHASTE_TRAINING__PASSWORD"] = PASSWORD
            with restarted():
                learnt(rspamd)
        finally:
            rspamd.process.terminate()
            rspamd.process.wait(20)


def filtered():
    with smtplib.SMTP(HOST, PORTS["smtp"]) as smtp:
        before = {folder: len(bodies(folder)) for folder in ("INBOX", "Junk")}
        # Larger than a piece of a body.
        smtp.send_message(message("clean", "Hello\n" * 50_000, sender=SENDER, to=ALICE["address"]))
        smtp.send_message(message("marked", f"Y{PATTERN}\n", sender=SENDER, to=ALICE["address"]))
        try:
            smtp.send_message(message("refused", f"X{PATTERN}\n", sender=SENDER, to=ALICE["address"]))
            raise AssertionError("rspamd's test message was taken")
        except smtplib.SMTPDataError as error:
            assert 500 <= error.smtp_code < 600, error
            assert b"Gtube" in error.smtp_error or b"Spam" in error.smtp_error, error
    inbox, junk = bodies("INBOX"), bodies("Junk")
    check("messages in INBOX", len(inbox), before["INBOX"] + 1)
    check("messages in Junk", len(junk), before["Junk"] + 1)
    assert b"Subject: clean\r\n" in inbox[-1] and inbox[-1].count(b"Hello\r\n") == 50_000, inbox[-1][:1000]
    for wanted in (
        b"Subject: marked\r\n",
        b"X-Spam: Yes\r\n",
        b"X-Posthaste-Verdict: junk;\r\n\tthe filter rspamd: it takes the message for spam\r\n",
    ):
        assert wanted in junk[-1], (wanted, junk[-1])


def learnt(rspamd):
    check("learnt before", rspamd.learnt(), (0, 0))
    client = imap(ALICE, "INBOX")
    # One, and of words that no run before has used: rspamd remembers what it has learnt, and does not learn it again.
    words = " ".join(f"word{os.urandom(4).hex()}" for _ in range(60))
    client.append("INBOX", message("unwanted", words, sender=SENDER, to=ALICE["address"]).as_bytes())
    client.move(client.search(["SUBJECT", "unwanted"]), "Junk")
    eventually("spam is learnt", lambda: rspamd.learnt() == (1, 0))
    client.select_folder("Junk")
    client.move(client.search(["SUBJECT", "unwanted"]), "INBOX")
    eventually("ham is learnt", lambda: rspamd.learnt()[1] == 1)
    client.logout()


def bodies(folder):
    client = imap(ALICE, folder)
    found = client.search()
    messages = client.fetch(found, ["BODY.PEEK[]"]) if found else {}
    client.logout()
    return [messages[uid][b"BODY[]"] for uid in sorted(messages)]


class Rspamd:
    """An rspamd of its own: its proxy judges by itself, and asks nobody."""

    def __init__(self, folder):
        with socket.create_server(("127.0.0.1", 0)) as free, socket.create_server(("127.0.0.1", 0)) as another:
            self.port, self.controller = free.getsockname()[1], another.getsockname()[1]
        self.socket = folder / "socket"
        # To compile the whole list of domains takes it half a minute.
        (folder / "domains").write_text("com\norg\ntest\n")
        config = folder / "rspamd.conf"
        config.write_text(
            f'options {{ pidfile = "{folder}/pid"; tempdir = "{folder}"; filters = ""; enable_test_patterns = true;\n'
            f'  url_tld = "{folder}/domains";\n'
            '  dns { nameserver = ["127.0.0.1:1"]; timeout = 0.1s; retransmits = 1; } }\n'
            'logging { type = "console"; level = "info"; }\n'
            "actions { reject = 15; add_header = 6; }\n"
            f'worker "rspamd_proxy" {{ bind_socket = ["127.0.0.1:{self.port}", "{self.socket} mode=0666"];\n'
            '  milter = yes; count = 1; upstream "local" { self_scan = yes; default = yes; } }\n'
            f'worker "controller" {{ bind_socket = "127.0.0.1:{self.controller}"; count = 1; password = "{PASSWORD}";\n'
            "  secure_ip = []; }\n"
            'classifier "bayes" { tokenizer { name = "osb"; } backend = "sqlite3"; languages_enabled = true;\n'
            f'  statfile {{ symbol = "BAYES_HAM"; path = "{folder}/ham.sqlite"; spam = false; }}\n'
            f'  statfile {{ symbol = "BAYES_SPAM"; path = "{folder}/spam.sqlite"; spam = true; }} }}\n'
        )
        with open(ARTIFACTS / "rspamd.log", "ab") as log:
            command = ["rspamd", "-i", "-f", "-c", config]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        eventually("rspamd", self.listens, 60)

    def learnt(self):
        """How many messages it has learnt, as spam and as ham."""
        url = f"http://127.0.0.1:{self.controller}/stat"
        request = urllib.request.Request(url, headers={"Password": PASSWORD})
        with urllib.request.urlopen(request, timeout=10) as answer:
            found = {one["symbol"]: one["revision"] for one in json.load(answer)["statfiles"]}
        return found["BAYES_SPAM"], found["BAYES_HAM"]

    def listens(self):
        assert self.process.poll() is None, f"rspamd ended with status {self.process.returncode}"
        try:
            for port in (self.port, self.controller):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return self.socket.exists()
        except OSError:
            return False


main()
