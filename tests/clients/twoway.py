"""What every two-way synchroniser must manage between an account and local Maildirs; mbsync and offlineimap both do."""

import os
from email import message_from_bytes
from email.policy import default

from imapclient.imap_utf7 import encode as utf7

from fixture import check, deliver, imap, message, step

FOLDER = "Größe"
STATUS = ["MESSAGES", "UNSEEN", "UIDNEXT", "UIDVALIDITY", "HIGHESTMODSEQ"]


def exercise(sync, root, name=str):
    """`sync()` runs the client, `root` has a Maildir for each folder, under what `name` makes of the folder's name."""

    def local(folder):
        return root / name(folder)

    server = imap()

    step("the initial pull")
    server.create_folder(FOLDER)
    for number in range(1, 6):
        deliver(message(f"server {number}", text="ä" * number + "\n"))
    server.append(FOLDER, message("in a folder").as_bytes(), [rb"\Seen", rb"\Flagged"])
    sync()
    compare(server, local, "INBOX", {f"server {number}": "" for number in range(1, 6)})
    compare(server, local, FOLDER, {"in a folder": "FS"})

    step("new messages on both sides")
    write(local("INBOX"), message("local 1"), "")
    write(local(FOLDER), message("local 2"), "RS")
    deliver(message("server 6"))
    sync()
    inbox = {f"server {number}": "" for number in range(1, 7)} | {"local 1": ""}
    compare(server, local, "INBOX", inbox)
    compare(server, local, FOLDER, {"in a folder": "FS", "local 2": "RS"})

    step("flags on both sides, of one message as well")
    server.select_folder("INBOX")
    server.add_flags(find(server, "server 1"), [rb"\Seen"])
    server.add_flags(find(server, "server 2"), [rb"\Flagged"])
    set_flags(local("INBOX"), "server 2", "S")
    set_flags(local("INBOX"), "server 3", "R")
    set_flags(local(FOLDER), "in a folder", "S")
    sync()
    inbox |= {"server 1": "S", "server 2": "FS", "server 3": "R"}
    compare(server, local, "INBOX", inbox)
    compare(server, local, FOLDER, {"in a folder": "S", "local 2": "RS"})

    step("expunges on both sides")
    server.select_folder("INBOX")
    server.delete_messages(find(server, "server 4"))
    server.expunge()
    path(local("INBOX"), "server 5").unlink()
    path(local(FOLDER), "local 2").unlink()
    sync()
    del inbox["server 4"], inbox["server 5"]
    compare(server, local, "INBOX", inbox)
    compare(server, local, FOLDER, {"in a folder": "S"})

    step("new folders on both sides")
    server.create_folder("from the server")
    server.append("from the server", message("born there").as_bytes())
    for directory in ("cur", "new", "tmp"):
        (local("from here") / directory).mkdir(parents=True)
    write(local("from here"), message("born here"), "S")
    sync()
    compare(server, local, "from the server", {"born there": ""})
    compare(server, local, "from here", {"born here": "S"})

    step("a run that has nothing to do")
    server.unselect_folder()
    before = state(server), files(root)
    sync()
    check("the server", state(server), before[0])
    check("the local Maildirs", files(root), before[1])
    server.logout()


def modified_utf7(folder):
    """The name as it is on the wire."""
    return utf7(folder).decode("ascii")


def compare(server, local, folder, expected):
    """Both sides hold these messages with these Maildir flags, and the same text."""
    server.select_folder(folder, readonly=True)
    uids = server.search()
    remote = {}
    for data in (server.fetch(uids, ["BODY.PEEK[]", "FLAGS"]) if uids else {}).values():
        mail = parse(data[b"BODY[]"])
        letters = {rb"\Draft": "D", rb"\Flagged": "F", rb"\Answered": "R", rb"\Seen": "S", rb"\Deleted": "T"}
        flags = "".join(sorted(letters[flag] for flag in data[b"FLAGS"] if flag in letters))
        remote[mail["Subject"]] = flags, mail.get_content()
    check(f"{folder} on the server", {subject: flags for subject, (flags, _) in remote.items()}, expected)
    here = {}
    for file in messages(local(folder)):
        mail = parse(file.read_bytes())
        here[mail["Subject"]] = maildir_flags(file), mail.get_content()
    check(f"{folder} here", here, remote)


def find(server, subject):
    return server.search(["SUBJECT", subject])


def write(maildir, mail, flags):
    """Puts a message into a Maildir, as a mail program does."""
    name = f"{mail['Subject'].replace(' ', '')}.{os.getpid()}.here"
    target = maildir / "cur" / f"{name}:2,{flags}" if flags else maildir / "new" / name
    (maildir / "tmp" / name).write_bytes(mail.as_bytes())
    (maildir / "tmp" / name).rename(target)


def set_flags(maildir, subject, flags):
    file = path(maildir, subject)
    file.rename(maildir / "cur" / f"{file.name.partition(':2,')[0]}:2,{flags}")


def path(maildir, subject):
    """The file of the message with this subject."""
    (file,) = (file for file in messages(maildir) if parse(file.read_bytes())["Subject"] == subject)
    return file


def messages(maildir):
    return [file for directory in ("cur", "new") for file in (maildir / directory).iterdir() if file.name[0] != "."]


def maildir_flags(file):
    return "".join(sorted(letter for letter in file.name.partition(":2,")[2] if letter in "DFRST"))


def state(server):
    """What a change on the server would show in."""
    return {folder: server.folder_status(folder, STATUS) for _, _, folder in server.list_folders()}


def files(root):
    """Every message here by path, with its content."""
    return {str(file): file.read_bytes() for directory in ("cur", "new") for file in root.glob(f"**/{directory}/*")}


def parse(source):
    """The message, with the line ends that Maildirs have."""
    return message_from_bytes(source.replace(b"\r\n", b"\n"), policy=default)
