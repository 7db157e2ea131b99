"""rspamd, which has its own DKIM: what an account submits verifies with it, RSA and Ed25519, and not when it is changed."""

import json
import os
import re
import smtplib
import subprocess
import tempfile
import urllib.request
from pathlib import Path

from fixture import ALICE, ARTIFACTS, BOB, DOMAIN, HOST, PORTS, SERVER, WAIT_SECONDS, check, eventually, imap, message
from fixture import need, run, skip, step, tls
from names import name_server
from servers import free_ports

LINE = re.compile(r'^(\S+)\. IN TXT \((.*)\)$', re.MULTILINE)
TEXTS = {
    "plain": "Hello.\n",
    "blanks and dots": "Two  blanks \n\n.dot\n\t tab \n\n\n",
    "eight bit": "Grüße\n",
    "nothing": "",
}


def main():
    need("rspamd")
    if not SERVER["command"]:
        skip("posthaste's own command makes the keys")
    if os.geteuid() != 0:
        skip("only root can run rspamd as Debian has it")
    program, settings = str(SERVER["command"][0]), str(SERVER["command"][-1])
    said = run(program, "dkim", "create", DOMAIN, "--config", settings)
    records = {name: "".join(re.findall(r'"([^"]*)"', strings)).encode() for name, strings in LINE.findall(said)}
    check("records", len(records), 2)
    selectors = sorted(name.partition("._domainkey")[0] for name in records)
    with tempfile.TemporaryDirectory(prefix="rspamd-") as folder, name_server(records) as names:
        os.chmod(folder, 0o777)
        rspamd = Rspamd(Path(folder), names)
        try:
            for signed in submitted():
                step("signed")
                found = rspamd.judge(signed)
                check("signatures", found, {"R_DKIM_ALLOW": selectors})
                step("changed")
                for old, new in ((b"Subject: ", b"Subject: not "), (b"\r\n\r\n", b"\r\n\r\nx")):
                    found = rspamd.judge(signed.replace(old, new, 1))
                    check("signatures", found, {"R_DKIM_REJECT": selectors})
        finally:
            rspamd.process.terminate()
            rspamd.process.wait(20)


def submitted():
    """What arrives of what alice submits."""
    with smtplib.SMTP_SSL(HOST, PORTS["submissions"], timeout=WAIT_SECONDS, context=tls()) as smtp:
        smtp.login(ALICE["address"], ALICE["password"])
        for subject, text in TEXTS.items():
            mail = message(subject, text, sender=ALICE["address"], to=BOB["address"])
            smtp.send_message(mail, ALICE["address"], [BOB["address"]])
    client = imap(BOB, "INBOX")
    fetched = client.fetch(client.search(), ["BODY.PEEK[]"]).values()
    client.logout()
    check("messages", len(fetched), len(TEXTS))
    return [data[b"BODY[]"] for data in fetched]


class Rspamd:
    """An rspamd of its own that does nothing but verify signatures."""

    def __init__(self, folder, names):
        (self.port,) = free_ports(1)
        (folder / "domains").write_text("com\norg\ntest\n")
        config = folder / "rspamd.conf"
        config.write_text(
            f'options {{ pidfile = "{folder}/pid"; tempdir = "{folder}"; filters = "dkim";\n'
            f'  url_tld = "{folder}/domains"; local_addrs = [];\n'
            f'  dns {{ nameserver = ["127.0.0.1:{names}"]; timeout = 5s; retransmits = 2; }} }}\n'
            "dkim { check_local = true; check_authed = true; }\n"
            'logging { type = "console"; level = "info"; }\n'
            f'worker "normal" {{ bind_socket = "127.0.0.1:{self.port}"; count = 1; }}\n'
        )
        with open(ARTIFACTS / "rspamd.log", "ab") as log:
            command = ["rspamd", "-i", "-f", "-c", config]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        eventually("rspamd", lambda: self.answers(), 60)

    def judge(self, mail):
        """What it says of signatures: selectors by symbol."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/checkv2", data=mail)
        with urllib.request.urlopen(request, timeout=WAIT_SECONDS) as reply:
            symbols = json.load(reply)["symbols"]
        return {
            name: sorted(option.partition(":s=")[2] for option in symbol["options"])
            for name, symbol in symbols.items()
            if name.startswith("R_DKIM")
        }

    def answers(self):
        assert self.process.poll() is None, f"rspamd ended with status {self.process.returncode}"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/ping", timeout=5) as reply:
                return reply.read().startswith(b"pong")
        except OSError:
            return False


main()
