"""mbsync (isync): two-way synchronisation with local Maildirs; a second run changes nothing."""

from pathlib import Path

from fixture import ALICE, CERTIFICATE, HOST, PORTS, need, run
from twoway import exercise, modified_utf7

CONFIG = f"""
IMAPAccount server
Host {HOST}
Port {PORTS["imaps"]}
User {ALICE["address"]}
Pass "{ALICE["password"]}"
SSLType IMAPS
CertificateFile {CERTIFICATE}

IMAPStore remote
Account server

MaildirStore local
Path mail/
Inbox mail/INBOX
SubFolders Verbatim

Channel all
Far :remote:
Near :local:
Patterns *
Create Both
Remove Both
Expunge Both
SyncState *
"""


def main():
    need("mbsync")
    Path("mbsyncrc").write_text(CONFIG)
    Path("mail").mkdir()
    print(f"  {run('mbsync', '--version').strip()}")
    exercise(sync, Path("mail"), modified_utf7)


def sync():
    return run("mbsync", "--config", "mbsyncrc", "--verbose", "all")


main()
