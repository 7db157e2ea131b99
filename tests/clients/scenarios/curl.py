"""curl: sends by smtp:// and smtps://, reads by imap:// with STARTTLS and imaps://, searches, appends."""

from pathlib import Path

from fixture import ALICE, BOB, CERTIFICATE, HOST, PORTS, check, message, need, run, step


def main():
    need("curl")
    mails = {name: message(f"sent by {name}", sender=ALICE["address"], to=BOB["address"]) for name in ("smtp", "submission", "submissions")}
    for name, mail in mails.items():
        Path(name).write_bytes(mail.as_bytes().replace(b"\n", b"\r\n"))

    step("send")
    envelope = ["--mail-from", ALICE["address"], "--mail-rcpt", BOB["address"]]
    login = ["--user", f"{ALICE['address']}:{ALICE['password']}"]
    curl(f"smtp://{HOST}:{PORTS['smtp']}", *envelope, "--upload-file", "smtp")
    curl(f"smtp://{HOST}:{PORTS['submission']}", "--ssl-reqd", *login, *envelope, "--upload-file", "submission")
    curl(f"smtps://{HOST}:{PORTS['submissions']}", *login, *envelope, "--upload-file", "submissions")
    # 55: curl could not send, because RCPT was refused.
    curl(f"smtp://{HOST}:{PORTS['smtp']}", "--mail-from", ALICE["address"], "--mail-rcpt", "someone@remote.test",
         "--upload-file", "smtp", status=55)

    step("read")
    read = ["--user", f"{BOB['address']}:{BOB['password']}"]
    for url in (f"imaps://{HOST}:{PORTS['imaps']}", f"imap://{HOST}:{PORTS['imap']}"):
        uids = curl(f"{url}/INBOX", *read, "--request", "UID SEARCH ALL").split()[2:]
        for number, (name, uid) in enumerate(zip(mails, uids), 1):
            source = curl(f"{url}/INBOX;MAILINDEX={number}", *read)
            assert source.endswith(Path(name).read_bytes().decode().replace("\r\n", "\n")), source
            header = curl(f"{url}/INBOX;UID={uid};SECTION=HEADER.FIELDS%20(SUBJECT)", *read)
            check("section", header.strip(), f"Subject: sent by {name}")
        check("search", curl(f"{url}/INBOX?SUBJECT%20submission", *read).strip(), "* SEARCH 2 3")
        assert "(MESSAGES 3)" in curl(f"{url}/INBOX", *read, "--request", "STATUS INBOX (MESSAGES)")
        assert "Trash" in curl(f"{url}/", *read)
    curl(f"imaps://{HOST}:{PORTS['imaps']}/INBOX", *read, "--request", "STORE 1 +FLAGS \\Deleted")
    curl(f"imaps://{HOST}:{PORTS['imaps']}/INBOX", *read, "--request", "EXPUNGE")
    check("left", curl(f"imaps://{HOST}:{PORTS['imaps']}/INBOX?ALL", *read).strip(), "* SEARCH 1 2")

    step("append")
    curl(f"imaps://{HOST}:{PORTS['imaps']}/Drafts", *read, "--upload-file", "smtp")
    source = curl(f"imaps://{HOST}:{PORTS['imaps']}/Drafts;MAILINDEX=1", *read)
    check("appended", source, Path("smtp").read_bytes().decode().replace("\r\n", "\n"))

    step("a wrong password")
    curl(f"imaps://{HOST}:{PORTS['imaps']}/", "--user", f"{BOB['address']}:wrong", status=67)


def curl(url, *arguments, status=0):
    return run("curl", "--silent", "--show-error", "--ssl-reqd" if url.startswith("imap:") else "--no-progress-meter",
               "--cacert", CERTIFICATE, "--max-time", "20", *arguments, url, status=status)


main()
