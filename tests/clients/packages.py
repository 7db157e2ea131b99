"""Installs the mail clients: pinned npm and Python packages, and Debian's programs when we may."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
PYTHON = VENV / "bin" / "python"

PROGRAMS = {
    "node": "nodejs",
    "npm": "npm",
    "mbsync": "isync",
    "offlineimap": "offlineimap3",
    "mutt": "mutt",
    "tmux": "tmux",
    "swaks": "swaks",
    "curl": "curl",
    "thunderbird": "thunderbird",
    "Xvfb": "xvfb",
    "import": "imagemagick",
}
"""Programs the scenarios call, and the Debian packages that have them."""
SWAKS_MODULES = ["libnet-ssleay-perl", "libio-socket-ssl-perl", "libauthen-sasl-perl", "libnet-dns-perl"]
"""What swaks needs for TLS and AUTH, which its package only suggests."""
INSTALL_SECONDS = 900


def install():
    """Installs what is missing. A program that cannot be installed makes its scenarios skip, loudly."""
    install_programs()
    install_npm()
    install_python()


def install_programs():
    wanted = [package for program, package in PROGRAMS.items() if not shutil.which(program)]
    if "swaks" in wanted:
        wanted += SWAKS_MODULES
    if not wanted:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        print(f"missing, and not mine to install: {' '.join(wanted)}", file=sys.stderr)
        return
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", *wanted]):
        done = subprocess.run(
            ["apt-get", "-q", *command], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=INSTALL_SECONDS,
        )
        if done.returncode:
            print(f"apt-get {command[0]} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}", file=sys.stderr)


def install_npm():
    if not shutil.which("npm"):
        return
    modules = HERE / "node_modules"
    once(modules / ".installed", HERE / "package-lock.json", ["npm", "ci", "--ignore-scripts"])


def install_python():
    if not PYTHON.exists():
        run([sys.executable, "-m", "venv", VENV])
    requirements = HERE / "requirements.txt"
    once(VENV / ".installed", requirements, [PYTHON, "-m", "pip", "install", "-q", "-r", requirements])


def once(stamp, source, command):
    """Runs `command` unless `stamp` says that it has run for this content of `source`."""
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return
    run(command)
    stamp.write_text(digest)


def run(command):
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
