"""mutt: on the Maildir itself, beside the server, whose idle clients must see what it does; and by IMAPS."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
from pathlib import Path
from threading import Thread

from fixture import ALICE, CERTIFICATE, HOST, PORTS, WAIT_SECONDS, await_push, check, deliver, expunged, flags, imap
from fixture import eventually, message, need, step, subjects

SETTINGS = f"""
set folder = "."
set move = no
set quit = yes
set delete = yes
set wait_key = no
set confirmappend = no
set confirmcreate = no
set mbox_type = Maildir
set mark_old = no
set sort = mailbox-order
set pipe_decode = no
set imap_user = "{ALICE["address"]}"
set imap_pass = "{ALICE["password"]}"
set ssl_force_tls = yes
set certificate_file = "{CERTIFICATE}"
set imap_deflate = yes
set imap_qresync = yes
set header_cache = "cache"
"""


def main():
    need("mutt")
    maildir = Path(ALICE["maildir"])
    client = imap()
    client.create_folder("Projects")
    for number in range(1, 5):
        deliver(message(f"number {number}", text=f"text {number}\n"))
    client.select_folder("INBOX")
    uids = client.search()
    check("messages", len(uids), 4)

    step("on the Maildir: flag, read, delete, and save to another folder")
    client.idle()
    mutt(
        maildir,
        go("number 1"), "<flag-message>",
        go("number 2"), "<delete-message>",
        go("number 3"), "<display-message><exit>",
        go("number 4"), f"<copy-message>{maildir}/.Projects<enter>",
        go("number 4"), f"<copy-message>{maildir}/.FromMutt<enter>",
        "<sync-mailbox><exit>",
    )
    told = await_push(
        client, lambda told: pushed(told, rb"\Flagged") and pushed(told, rb"\Seen") and expunged(told)
    )
    check("expunged", expunged(told), [2])
    client.idle_done()
    check("left", subjects(client), {uids[0]: "number 1", uids[2]: "number 3", uids[3]: "number 4"})
    check("flagged", client.search("FLAGGED"), [uids[0]])
    assert uids[2] in client.search("SEEN")
    # A new session each time: Dovecot lists anew only then.
    eventually("the folder that mutt made", lambda: imap().folder_exists("FromMutt"))
    for folder in ("Projects", "FromMutt"):
        client.select_folder(folder)
        check(f"saved to {folder}", list(subjects(client).values()), ["number 4"])

    step("what the server delivers and flags, seen by mutt on the Maildir")
    client.select_folder("INBOX")
    client.add_flags(uids[3], [rb"\Flagged"])
    deliver(message("number 5"))
    mutt(maildir, "<tag-pattern>~F<enter><tag-prefix><pipe-message>cat > flagged<enter><exit>")
    check("flagged", lines("flagged", "Subject: "), ["number 1", "number 4"])
    mutt(maildir, "<tag-pattern>~A<enter><tag-prefix><pipe-message>cat > all<enter><exit>")
    check("all", lines("all", "Subject: "), ["number 1", "number 3", "number 4", "number 5"])

    step("by IMAPS: list, read, flag, delete")
    # mutt may have set \\Seen on what it piped; that must have arrived before the next wait for a push.
    client.noop()
    client.idle()
    mutt(
        f"imaps://{HOST}:{PORTS['imaps']}/INBOX",
        "<tag-pattern>~A<enter><tag-prefix><pipe-message>cat > remote<enter><untag-pattern>~A<enter>",
        go("number 3"), "<delete-message>",
        go("number 5"), "<flag-message>",
        "<sync-mailbox><exit>",
    )
    check("remote", lines("remote", "Subject: "), ["number 1", "number 3", "number 4", "number 5"])
    await_push(client, lambda told: pushed(told, rb"\Flagged") and expunged(told))
    client.idle_done()
    check("flagged", client.search("FLAGGED"), client.search())
    check("left", list(subjects(client).values()), ["number 1", "number 4", "number 5"])

    step("by IMAPS again: what has changed meanwhile, by its header cache and QRESYNC")
    client.delete_messages(uids[3])
    client.expunge()
    client.remove_flags(uids[0], [rb"\Flagged"])
    deliver(message("number 6"))
    mutt(
        f"imaps://{HOST}:{PORTS['imaps']}/INBOX",
        "<tag-pattern>~A<enter><tag-prefix><pipe-message>cat > again<enter><untag-pattern>~A<enter>",
        "<tag-pattern>~F<enter><tag-prefix><pipe-message>cat > flagged<enter><exit>",
    )
    check("again", lines("again", "Subject: "), ["number 1", "number 5", "number 6"])
    check("flagged", lines("flagged", "Subject: "), ["number 5"])
    client.logout()


def pushed(told, flag):
    """Whether any message was told to have the flag."""
    return any(flag in each for each in flags(told).values())


def mutt(mailbox, *keys):
    """Runs mutt on a terminal of its own, as the owner of the mail, and presses the keys; the last must leave it."""
    owner = os.stat(ALICE["maildir"])
    os.chown(".", owner.st_uid, owner.st_gid)
    Path("muttrc").write_text(f'{SETTINGS}push "{"".join(keys)}"\n')
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    process = subprocess.Popen(
        ["mutt", "-n", "-F", "muttrc", "-f", str(mailbox)],
        stdin=slave, stdout=slave, stderr=slave, env=os.environ | {"TERM": "xterm"}, start_new_session=True,
        user=owner.st_uid, group=owner.st_gid,
    )
    os.close(slave)
    screen = bytearray()
    reader = Thread(target=drain, args=(master, screen), daemon=True)
    reader.start()
    try:
        status = process.wait(WAIT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise AssertionError(f"mutt did not end; its screen was:\n{screen.decode(errors='replace')}")
    reader.join()
    os.close(master)
    assert status == 0, f"mutt ended with status {status}:\n{screen.decode(errors='replace')}"


def drain(terminal, screen):
    """Reads what the program draws until it is gone, which Linux reports as an error."""
    try:
        while piece := os.read(terminal, 65536):
            screen += piece
    except OSError:
        pass


def go(subject):
    """The keys that put the cursor on a message."""
    return f"<first-entry><search>~s '{subject}'<enter>"


def lines(file, prefix):
    return sorted(line.removeprefix(prefix) for line in Path(file).read_text().splitlines() if line.startswith(prefix))


main()
