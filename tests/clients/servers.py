"""Starts and stops the server under test, and describes it to a scenario."""

import json
import random
import secrets
import signal
import socket
import ssl
import subprocess
import time

DOMAIN = "example.test"
ACCOUNTS = ("alice", "bob")
SERVICES = ("smtp", "submission", "submissions", "imap", "imaps", "managesieve")

START_SECONDS = 30
COMMAND_SECONDS = 30
STOP_SECONDS = 15


class StartError(Exception):
    """The server could not be started; the message says why."""


class Server:
    """What a scenario is told about any server: ports, certificate, accounts."""

    process = None
    """The server, if it is one process that a scenario may restart."""
    serve = ()
    """The command that runs it."""

    def __init__(self, folder, log, name):
        self.folder = folder
        self.log = log
        self.name = name
        self.ports = dict(zip(SERVICES, free_ports(len(SERVICES))))
        self.passwords = {account: secrets.token_urlsafe(12) for account in ACCOUNTS}

    def maildir(self, account):
        """The Maildir of an account on disk."""
        raise NotImplementedError

    def describe(self):
        """Writes what a scenario needs to know to a file and returns its path."""
        certificate = self.folder / "certificate.pem"
        try:
            certificate.write_text(ssl.get_server_certificate(("127.0.0.1", self.ports["imaps"])))
        except OSError as error:
            raise StartError(f"imaps (port {self.ports['imaps']}) has stopped to answer: {error}") from error
        description = self.folder / "server.json"
        accounts = {
            account: {
                "address": f"{account}@{DOMAIN}",
                "password": password,
                "maildir": str(self.maildir(account)),
            }
            for account, password in self.passwords.items()
        }
        description.write_text(
            json.dumps({
                "name": self.name,
                "process": self.process and self.process.pid,
                "command": [str(word) for word in self.serve],
                "data": str(self.folder / "data"),
                "host": "localhost",
                "domain": DOMAIN,
                "ports": self.ports,
                "certificate": str(certificate),
                "accounts": accounts,
            }, indent=2)
        )
        return description

    def await_ready(self, process):
        """Returns when every port takes connections."""
        limit = time.monotonic() + START_SECONDS
        for service, port in self.ports.items():
            while True:
                if process.poll() is not None:
                    raise StartError(f"it ended at once with status {process.returncode}")
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError as error:
                    if time.monotonic() > limit:
                        process.kill()
                        raise StartError(f"{service} (port {port}) takes no connections: {error}")
                    time.sleep(0.02)


class Posthaste(Server):
    """`posthaste serve` on a data folder of its own."""

    def __init__(self, folder, log, binary):
        super().__init__(folder, log, self.version(binary))
        self.binary = binary
        self.config = folder / "posthaste.toml"
        self.config.write_text(
            f'data = "{folder}/data"\nhostname = "mail.{DOMAIN}"\n\n[log]\nformat = "human"\n\n[listen]\n'
            + "".join(f'{service} = ["127.0.0.1:{port}"]\n' for service, port in self.ports.items())
        )
        self.serve = [binary, "serve", "--config", self.config]
        with open(log, "ab") as output:
            self.process = subprocess.Popen(self.serve, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            self.await_ready(self.process)
            # While the server runs, as an owner would.
            self.command("domain", "add", DOMAIN)
            for account, password in self.passwords.items():
                self.command("account", "add", f"{account}@{DOMAIN}", "--password-stdin", input=password + "\n")
        except BaseException:
            self.stop()
            raise

    @staticmethod
    def version(binary):
        done = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=COMMAND_SECONDS)
        return done.stdout.strip()

    def command(self, *arguments, input=None):
        done = subprocess.run(
            [self.binary, *arguments, "--config", self.config],
            input=input, capture_output=True, text=True, timeout=COMMAND_SECONDS,
        )
        if done.returncode:
            raise StartError(f"posthaste {' '.join(arguments)}: {done.stdout}{done.stderr}")

    def maildir(self, account):
        return self.folder / "data" / "mail" / DOMAIN / account

    def stop(self):
        """Ends the server by SIGTERM. Returns what was wrong with the way it went, if anything."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                return f"the server did not end within {STOP_SECONDS} s of SIGTERM"
        if self.process.returncode:
            return f"the server ended with status {self.process.returncode}"
        if "panicked at" in self.log.read_text(errors="replace"):
            return "the server panicked, see its log"
        return None


def free_ports(count):
    """Ports that were free a moment ago, from below those that the kernel gives to outgoing connections."""
    found = []
    while len(found) < count:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            # A server sets it too: a port in TIME_WAIT is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found
