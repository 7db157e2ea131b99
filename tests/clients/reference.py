"""The reference server: Debian's Dovecot for IMAP, and aiosmtpd in front of its Maildirs for SMTP.

It exists to prove the scenarios: what passes here is a right expectation of a mail server. Needs root, because Dovecot
does (`apt-get install dovecot-imapd`).
"""

import os
import shutil
import signal
import subprocess

import packages
from servers import DOMAIN, STOP_SECONDS, Server, StartError

MAIL_UID = 65534
"""Who owns the mail: Dovecot serves none of root's."""

CONFIG = """
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
log_path = {log}
mail_debug = no
ssl = required
ssl_cert = <{folder}/own.pem
ssl_key = <{folder}/own.key
disable_plaintext_auth = yes
auth_mechanisms = plain login
login_trusted_networks =
passdb {{
  driver = passwd-file
  args = {folder}/passwd
}}
userdb {{
  driver = static
  args = uid={uid} gid={uid} home={folder}/mail/%n
}}
mail_location = maildir:~/Maildir
mail_max_userip_connections = 100
first_valid_uid = {uid}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Archive {{
    auto = subscribe
    special_use = \\Archive
  }}
  mailbox Drafts {{
    auto = subscribe
    special_use = \\Drafts
  }}
  mailbox Junk {{
    auto = subscribe
    special_use = \\Junk
  }}
  mailbox Sent {{
    auto = subscribe
    special_use = \\Sent
  }}
  mailbox Trash {{
    auto = subscribe
    special_use = \\Trash
  }}
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
"""


class Reference(Server):
    """Dovecot and the SMTP bridge, with the interface of `servers.Posthaste`."""

    def __init__(self, folder, log):
        dovecot = shutil.which("dovecot") or "/usr/sbin/dovecot"
        if os.geteuid() != 0 or not os.access(dovecot, os.X_OK):
            raise StartError("the reference server needs root and Dovecot")
        super().__init__(folder, log, "Dovecot " + output(dovecot, "--version").split()[0])
        # It comes in a package of its own, and no scenario needs it.
        del self.ports["managesieve"]
        os.chmod(folder, 0o755)
        for account in self.passwords:
            for name in ("new", "cur", "tmp"):
                os.makedirs(self.maildir(account) / name)
        for path, _, _ in os.walk(folder / "mail"):
            os.chown(path, MAIL_UID, MAIL_UID)
        (folder / "passwd").write_text(
            "".join(f"{name}@{DOMAIN}:{{PLAIN}}{password}\n" for name, password in self.passwords.items())
        )
        output(
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", folder / "own.key", "-out", folder / "own.pem", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE",
        )
        config = folder / "dovecot.conf"
        log.touch()
        config.write_text(CONFIG.format(folder=folder, log=log, uid=MAIL_UID, **self.ports))
        # What the bridge says of itself goes to the same log as what Dovecot says.
        with open(log, "ab") as file:
            self.imap = subprocess.Popen([dovecot, "-F", "-c", config], stdin=subprocess.DEVNULL, stderr=file)
            self.smtp = subprocess.Popen(
                [packages.PYTHON, "-W", "ignore", packages.HERE / "reference_smtp.py", folder, DOMAIN, str(MAIL_UID)]
                + [str(self.ports[service]) for service in ("smtp", "submission", "submissions")],
                stdin=subprocess.DEVNULL, stdout=file, stderr=file,
            )
        try:
            self.await_ready(self.imap)
        except BaseException:
            self.stop()
            raise

    def maildir(self, account):
        return self.folder / "mail" / account / "Maildir"

    def stop(self):
        for process in (self.imap, self.smtp):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        return None


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
