"""offlineimap: two-way synchronisation with local Maildirs; a second run changes nothing."""

from pathlib import Path

from fixture import ALICE, CERTIFICATE, HOST, PORTS, need, run
from twoway import exercise

CONFIG = f"""
[general]
accounts = account
metadata = metadata
ui = basic

[Account account]
localrepository = local
remoterepository = remote
utf8foldernames = yes

[Repository local]
type = Maildir
localfolders = mail

[Repository remote]
type = IMAP
remotehost = {HOST}
remoteport = {PORTS["imaps"]}
remoteuser = {ALICE["address"]}
remotepass = {ALICE["password"]}
ssl = yes
sslcacertfile = {CERTIFICATE}
"""


def main():
    need("offlineimap")
    Path("offlineimaprc").write_text(CONFIG)
    print(f"  {run('offlineimap', '--version').strip()}")
    exercise(sync, Path("mail"))


def sync():
    return run("offlineimap", "-c", "offlineimaprc", "-o")


main()
