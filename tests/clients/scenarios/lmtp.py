"""LMTP over a Unix socket: swaks, and Postfix as the MTA in front, which hears of each recipient how it went."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from fixture import ALICE, ARTIFACTS, BOB, DOMAIN, check, eventually, imap, message, need, run, step, subjects
from restart import restarted


def main():
    need("swaks", "postfix")
    with tempfile.TemporaryDirectory(prefix="lmtp-") as folder:
        os.chmod(folder, 0o755)
        socket = Path(folder, "lmtp")
        os.environ["POSTHASTE_LMTP__LISTEN"] = f'["unix:{socket}"]'
        os.environ["POSTHASTE_LMTP__MODE"] = '"0666"'
        with restarted():
            step("swaks")
            run("swaks", "--protocol", "LMTP", "--socket", socket, "--from", "carol@elsewhere.test",
                "--to", f"{ALICE['address']},{BOB['address']}", "--header", "Subject: by swaks")
            for account in (ALICE, BOB):
                client = imap(account, "INBOX")
                check("subjects", list(subjects(client).values()), ["by swaks"])
                client.logout()
            step("Postfix")
            by_postfix(Path(folder, "postfix"), socket)


def by_postfix(folder, socket):
    """A Postfix of its own without any port, which hands mail for our domain to the socket."""
    if os.geteuid() != 0:
        print("only root can run Postfix")
        return
    config, queue, data = folder / "etc", folder / "queue", folder / "data"
    for each in (config, queue, data):
        each.mkdir(parents=True)
        each.chmod(0o755)
    shutil.chown(data, "postfix")
    log = ARTIFACTS / "postfix.log"
    (config / "master.cf").write_text(
        "pickup unix n - n 60 1 pickup\ncleanup unix n - n - 0 cleanup\nqmgr unix n - n 1 1 qmgr\n"
        "rewrite unix - - n - - trivial-rewrite\nbounce unix - - n - 0 bounce\ndefer unix - - n - 0 bounce\n"
        "trace unix - - n - 0 bounce\nlmtp unix - - n - - lmtp\nerror unix - - n - - error\n"
        "discard unix - - n - - discard\npostlog unix-dgram n - n - 1 postlogd\n"
    )
    (config / "main.cf").write_text(
        f"compatibility_level = 3.6\nqueue_directory = {queue}\ndata_directory = {data}\nmaillog_file = {log}\n"
        f"maillog_file_prefixes = {ARTIFACTS}\nmyhostname = front.test\nmydestination =\nalias_maps =\n"
        f"relay_domains = {DOMAIN}\nrelay_transport = lmtp:unix:{socket}\ndefault_transport = discard:\n"
        "inet_interfaces = loopback-only\nimport_environment = MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ LANG=C\n"
    )
    postfix = ["postfix", "-c", config]
    run(*postfix, "start")
    try:
        mail = message("by Postfix", "A line.\n.\n..\n" + "x" * 100_000 + "\n", to=BOB["address"])
        with open(ARTIFACTS / "sendmail.log", "wb") as output:
            subprocess.run(
                ["sendmail", "-C", config, "-i", "-f", "carol@elsewhere.test",
                 ALICE["address"], f"nobody@{DOMAIN}", BOB["address"]],
                input=bytes(mail), check=True, timeout=60, stdout=output, stderr=output,
            )
        told = eventually("the outcomes", lambda: outcomes(log, 3))
        check("outcomes", sorted(told), ["bounced", "sent", "sent"])
    finally:
        run(*postfix, "stop")
    for account in (ALICE, BOB):
        client = imap(account, "INBOX")
        check("subjects", list(subjects(client).values()), ["by swaks", "by Postfix"])
        header = client.fetch([max(client.search())], ["BODY.PEEK[HEADER]"]).popitem()[1][b"BODY[HEADER]"]
        assert b" with LMTP id " in header and b"from front.test ([127.0.0.1])" in header, header
        client.logout()


def outcomes(log, count):
    """What Postfix logged of deliveries by LMTP, once there are so many."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    found = [line.partition("status=")[2].split()[0] for line in lines if "/lmtp[" in line and "status=" in line]
    return found if len(found) >= count else None


main()
