"""mbsync (isync): two-way synchronisation with local Maildirs; a second run changes nothing, and neither does a run
after the server has lost its index."""

from pathlib import Path

from fixture import ALICE, CERTIFICATE, HOST, PORTS, SERVER, await_push, check, deliver, imap, message, need, run, step
from restart import restarted
from twoway import exercise, files, modified_utf7

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
    if SERVER["process"]:
        lose_index()


def lose_index():
    step("the index is deleted between two runs of the server")
    client = imap(folder="INBOX")
    client.add_flags(client.search(), ["$Important", "blue"])
    sync()
    before, modseq = picture(client)
    here = files(Path("mail"))
    client.select_folder("INBOX")
    client.idle()
    with restarted(delete_index):
        await_push(client, lambda told: any(each[0] == b"BYE" for each in told))
        client = imap()
        after, later = picture(client)
        check("UIDVALIDITY, UIDs, flags, keywords, dates and sizes", after, before)
        assert all(later[folder] >= modseq[folder] for folder in modseq), f"HIGHESTMODSEQ went back: {modseq}, {later}"
        sync()
        check("after mbsync", picture(client), (after, later))
        check("the local Maildirs", files(Path("mail")), here)
        deliver(message("after the index was lost"))
        client.select_folder("INBOX")
        assert client.search()[-1] > max(before["INBOX"][1]), "a UID was given again"
        client.logout()


def delete_index(data):
    found = list(data.glob("index.db*"))
    assert found, f"no index in {data}"
    for file in found:
        file.unlink()


def picture(client):
    """All that a client may have remembered of each folder, and its HIGHESTMODSEQ."""
    folders, modseqs = {}, {}
    for _, _, folder in client.list_folders():
        selected = client.select_folder(folder, readonly=True)
        uids = client.search()
        fetched = client.fetch(uids, ["FLAGS", "INTERNALDATE", "RFC822.SIZE"]) if uids else {}
        seen = {
            uid: (set(data[b"FLAGS"]) - {rb"\Recent"}, data[b"INTERNALDATE"], data[b"RFC822.SIZE"])
            for uid, data in fetched.items()
        }
        folders[folder] = selected[b"UIDVALIDITY"], seen
        modseqs[folder] = selected[b"HIGHESTMODSEQ"]
    client.unselect_folder()
    return folders, modseqs


def sync():
    return run("mbsync", "--config", "mbsyncrc", "--verbose", "all")


main()
