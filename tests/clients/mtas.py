"""Other mail servers, each a process with settings and folders of its own on loopback.

Each takes mail for its domain into Maildirs: `them`, `others`, `grün`, and `crowd` for `u` and any number. Mail for our
domain it sends to us. It encrypts both ways, and takes DSN, SMTPUTF8, 8-bit and large messages. At another port, which is
for another domain, it offers neither STARTTLS nor DSN, and takes few recipients at a time.
"""

import os
import shutil
import subprocess
from pathlib import Path

import packages
from fixture import ARTIFACTS, DOMAIN, PORTS, WAIT_SECONDS, eventually, run
from servers import free_ports

MAX_MESSAGE = 60 << 20
FEW = 20
"""Recipients of one transaction at the other port."""
USERS = {"them": "them", "others": "others", "grün": "utf8"}
"""Their local parts, and the folders of their mail."""


class Mta:
    """What scenarios need of one."""

    def __init__(self, folder, name, user):
        self.domain, self.old_domain = f"{name}.test", f"old.{name}.test"
        self.log = ARTIFACTS / f"{name}.log"
        self.folder, self.mail, self.config = folder, folder / "mail", folder / "etc"
        folder.chmod(0o755)
        for each in (self.mail, self.config):
            each.mkdir()
        shutil.chown(self.mail, user)
        self.port, self.old_port = free_ports(2)
        self.certificate, self.key = self.config / "cert.pem", self.config / "key.pem"
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN=mx.{self.domain}",
            "-addext", f"subjectAltName=DNS:mx.{self.domain}", "-keyout", self.key, "-out", self.certificate)
        self.key.chmod(0o644)

    def messages(self, folder):
        """The messages of a Maildir, by CRLF."""
        return [file.read_bytes().replace(b"\n", b"\r\n") for file in self.files(folder)]

    def take(self, folder, count=1):
        """Waits for so many messages, removes all that are there and returns them."""
        eventually(f"{count} messages for {folder}", lambda: len(self.files(folder)) >= count)
        found = {file: file.read_bytes().replace(b"\n", b"\r\n") for file in self.files(folder)}
        for file in found:
            file.unlink()
        return [*found.values()]

    def files(self, folder):
        return list((self.mail / folder / "new").glob("*"))

    def routes(self):
        """The setting that sends mail for its domains to it."""
        ports = {self.domain: self.port, self.old_domain: self.old_port}
        routes = (f'{{domain="{domain}", host="127.0.0.1", port={port}}}' for domain, port in ports.items())
        return f"[{', '.join(routes)}]"

    def idle(self):
        """Whether its queue is empty."""
        return not [file for folder in self.queues for file in folder.rglob("*") if file.is_file()]

    def verify(self):
        """Looks at the end what it has noted."""

    def logged(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""


class Postfix(Mta):
    """Debian's Postfix, which only root can run."""

    def __init__(self, folder):
        super().__init__(folder, "postfix", "nobody")
        queue, data = folder / "queue", folder / "data"
        for each in (queue, data):
            each.mkdir()
        shutil.chown(data, "postfix")
        self.queues = [queue / name for name in ("maildrop", "incoming", "active", "deferred")]
        users = " ".join(f"{{ {user}@{self.domain} = {name}/ }}" for user, name in USERS.items())
        (self.config / "crowd").write_text(
            f"/^u[0-9]+@{self.domain}$/ crowd/\n/^them@{self.old_domain}$/ them/\n"
            f"/^u[0-9]+@{self.old_domain}$/ crowd/\n"
        )
        smtpd = "inet n - n - - smtpd"
        (self.config / "master.cf").write_text(
            f"127.0.0.1:{self.port} {smtpd}\n"
            f"127.0.0.1:{self.old_port} {smtpd} -o smtpd_discard_ehlo_keywords=dsn,starttls"
            f" -o smtpd_tls_security_level=none -o smtpd_recipient_limit={FEW}\n"
            "pickup unix n - n 60 1 pickup\ncleanup unix n - n - 0 cleanup\nqmgr unix n - n 1 1 qmgr\n"
            "tlsmgr unix - - n 1000? 1 tlsmgr\nrewrite unix - - n - - trivial-rewrite\nbounce unix - - n - 0 bounce\n"
            "defer unix - - n - 0 bounce\ntrace unix - - n - 0 bounce\nproxymap unix - - n - - proxymap\n"
            "smtp unix - - n - - smtp\nerror unix - - n - - error\nanvil unix - - n - 1 anvil\n"
            "virtual unix - n n - - virtual\npostlog unix-dgram n - n - 1 postlogd\n"
        )
        (self.config / "main.cf").write_text(
            f"compatibility_level = 3.6\nqueue_directory = {queue}\ndata_directory = {data}\n"
            f"maillog_file = {self.log}\nmaillog_file_prefixes = {ARTIFACTS}\n"
            f"myhostname = mx.{self.domain}\nmydestination =\nalias_maps =\n"
            f"virtual_mailbox_domains = {self.domain}, {self.old_domain}\nvirtual_mailbox_base = {self.mail}\n"
            f"virtual_mailbox_maps = inline:{{ {users} }}, regexp:{self.config}/crowd\n"
            f"virtual_uid_maps = static:65534\nvirtual_gid_maps = static:65534\nvirtual_mailbox_limit = 0\n"
            f"message_size_limit = {MAX_MESSAGE}\nrelay_domains = {DOMAIN}\n"
            f"relay_transport = smtp:[127.0.0.1]:{PORTS['smtp']}\nsmtp_destination_recipient_limit = 500\n"
            "default_transport = error:stays here\ninet_interfaces = loopback-only\ninet_protocols = ipv4\n"
            f"smtpd_tls_cert_file = {self.certificate}\nsmtpd_tls_key_file = {self.key}\n"
            "smtpd_tls_security_level = may\nsmtpd_tls_loglevel = 1\nsmtp_tls_security_level = encrypt\n"
            "smtpd_tls_received_header = yes\nsmtp_line_length_limit = 0\nsmtputf8_enable = yes\n"
            "minimal_backoff_time = 1s\nmaximal_backoff_time = 2s\nqueue_run_delay = 1s\nsmtpd_error_sleep_time = 0\n"
            "import_environment = MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ LANG=C\n"
        )
        self.command = ["postfix", "-c", self.config]
        run(*self.command, "start")

    def stop(self):
        run(*self.command, "stop")


class Exim(Mta):
    """Debian's Exim, unpacked beside the tests, as a user of its own."""

    def __init__(self, folder):
        super().__init__(folder, "exim", packages.EXIM_USER)
        spool, logs = folder / "spool", folder / "log"
        for each in (spool, logs):
            each.mkdir()
            shutil.chown(each, packages.EXIM_USER)
        self.queues = [spool / "input"]
        (self.config / "users").write_text(
            "".join(f'"{user}": {name}\n' for user, name in USERS.items()) + "^u[0-9]+\\$: crowd\n"
        )
        self.log = logs / "mainlog"
        conf = self.config / "exim.conf"
        old = f"${{if ={{$received_port}}{{{self.old_port}}}"
        conf.write_text(
            f"exim_path = {packages.EXIM}\nprimary_hostname = mx.{self.domain}\nspool_directory = {spool}\n"
            f"log_file_path = {logs}/%slog\n"
            f"daemon_smtp_ports = {self.port} : {self.old_port}\nlocal_interfaces = 127.0.0.1\n"
            f"tls_certificate = {self.certificate}\ntls_privatekey = {self.key}\n"
            f"tls_advertise_hosts = {old}{{:}}{{*}}}}\n"
            f"dsn_advertise_hosts = {old}{{:}}{{*}}}}\n"
            "chunking_advertise_hosts = *\nsmtputf8_advertise_hosts = *\n"
            f"message_size_limit = {MAX_MESSAGE}\ndeliver_drop_privilege = true\nkeep_environment =\n"
            "acl_smtp_rcpt = rcpt\nlog_selector = +pipelining +smtp_confirmation +tls_peerdn\n"
            "smtp_accept_max_per_connection = 0\ncheck_spool_space = 0\ncheck_log_space = 0\nqualify_domain = "
            f"{self.domain}\n"
            "begin acl\nrcpt:\n"
            f"  defer condition = {old}{{true}}}}\n        condition = ${{if >{{$rcpt_count}}{{{FEW}}}}}\n"
            "        message = 452 4.5.3 too many\n"
            f"  deny domains = {self.domain} : {self.old_domain}\n       !verify = recipient\n"
            f"  accept domains = {self.domain} : {self.old_domain} : {DOMAIN}\n"
            "begin routers\n"
            f"ours:\n  driver = manualroute\n  domains = {DOMAIN}\n  transport = remote\n  self = send\n"
            '  route_list = "* 127.0.0.1 byname"\n'
            f"theirs:\n  driver = accept\n  domains = {self.domain} : {self.old_domain}\n  transport = maildir\n"
            f"  local_parts = wildlsearch;{self.config}/users\n"
            "begin transports\n"
            f"remote:\n  driver = smtp\n  port = {PORTS['smtp']}\n  allow_localhost\n  hosts_require_tls = *\n"
            "  hosts_try_chunking = *\n  message_linelength_limit = 1000000\n"
            f"maildir:\n  driver = appendfile\n  maildir_format\n  return_path_add\n"
            f"  directory = {self.mail}/$local_part_data\n  user = {packages.EXIM_USER}\n"
            "begin retry\n* * F,1h,1s\n"
        )
        with open(ARTIFACTS / "exim.log", "ab") as output:
            self.process = subprocess.Popen(
                [packages.EXIM, "-C", conf, "-bdf", "-q5s"], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                cwd="/", user=packages.EXIM_USER, group=packages.EXIM_USER, extra_groups=[],
            )
        eventually("Exim", self.listens)

    def listens(self):
        assert self.process.poll() is None, f"Exim ended with status {self.process.returncode}"
        return "listening for SMTP" in self.logged()

    def stop(self):
        self.process.terminate()
        self.process.wait(WAIT_SECONDS)
        for log in (self.folder / "log").iterdir():
            shutil.copy(log, ARTIFACTS / f"exim-{log.name}")
