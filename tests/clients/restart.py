"""Ends the server in the midst of a scenario and runs it again on the same data."""

import os
import signal
import socket
import subprocess
from contextlib import contextmanager
from pathlib import Path

from fixture import ARTIFACTS, PORTS, SERVER, WAIT_SECONDS, eventually


@contextmanager
def restarted(change=lambda data: None):
    """For the block, the server runs again, after `change` was done to its data folder while it did not run."""
    os.kill(SERVER["process"], signal.SIGTERM)
    eventually("the end of the server", lambda: ended(SERVER["process"]))
    change(Path(SERVER["data"]))
    with open(ARTIFACTS / "server.log", "ab") as log:
        process = subprocess.Popen(SERVER["command"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        eventually("the server again", lambda: answers(process))
        yield
    finally:
        process.terminate()
        status = process.wait(WAIT_SECONDS)
    assert status == 0, f"the restarted server ended with status {status}"


def ended(pid):
    """Whether the process is gone, or a zombie that the runner will look after."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def answers(process):
    assert process.poll() is None, f"the server ended at once with status {process.returncode}"
    try:
        for port in PORTS.values():
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False
