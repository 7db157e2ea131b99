"""IMAPClient on messages and folders: every item of FETCH, SEARCH with a charset, APPEND with date and keywords."""

from datetime import date, datetime, timezone
from email import message_from_bytes
from email.policy import default

from imapclient.exceptions import IMAPClientError

from fixture import ALICE, check, deliver, imap, message, step

WHEN = datetime(2021, 3, 4, 5, 6, 7, tzinfo=timezone.utc)


def main():
    client = imap()
    client.normalise_times = False

    step("what the server says of itself")
    print(f"  {b' '.join(client.capabilities()).decode()}")
    for capability in ("IMAP4REV1", "IDLE", "UIDPLUS", "MOVE", "NAMESPACE", "CONDSTORE", "SPECIAL-USE", "ENABLE", "ID"):
        assert client.has_capability(capability), capability
    print(f"  {client.id_({'name': 'IMAPClient'})}")
    check("namespace", client.namespace().personal, (("", "/"),))
    check("special folder", client.find_special_folder(rb"\Trash"), "Trash")

    step("append")
    mail = composed()
    answer = client.append("INBOX", mail, flags=[rb"\Seen", "$Forwarded", "blue"], msg_time=WHEN)
    assert b"APPENDUID" in answer, answer

    step("select")
    selected = client.select_folder("INBOX")
    check("EXISTS", selected[b"EXISTS"], 1)
    check("READ-WRITE", selected[b"READ-WRITE"], True)
    assert {b"$Forwarded", b"blue"} <= set(selected[b"FLAGS"]), selected[b"FLAGS"]
    assert rb"\*" in selected[b"PERMANENTFLAGS"], selected[b"PERMANENTFLAGS"]

    step("fetch of every item")
    fetch_items(client, client.search()[0], mail)

    step("search")
    search(client)
    one, two, three = client.search()

    step("flags")
    client.set_flags(one, [rb"\Answered"])
    client.add_flags(one, [rb"\Flagged", "green"])
    client.remove_flags(one, [rb"\Answered"])
    check("flags", without_recent(client.get_flags(one)[one]), {rb"\Flagged", b"green"})
    before = client.folder_status("INBOX", ["HIGHESTMODSEQ"])[b"HIGHESTMODSEQ"]
    client.add_flags(two, [rb"\Deleted"], silent=True)
    changed = client.fetch(client.search(), ["FLAGS"], ["CHANGEDSINCE %d" % before])
    check("changed since", list(changed), [two])

    step("examine changes nothing")
    client.select_folder("INBOX", readonly=True)
    unseen = client.search("UNSEEN")
    client.fetch(unseen, ["BODY[]"])
    check("unseen", client.search("UNSEEN"), unseen)

    step("unselect keeps what is deleted, close expunges it")
    client.select_folder("INBOX")
    client.unselect_folder()
    check("messages", client.select_folder("INBOX")[b"EXISTS"], 3)
    client.close_folder()
    check("messages", client.select_folder("INBOX")[b"EXISTS"], 2)

    step("copy, move and UID EXPUNGE")
    client.copy([one, three], "Archive")
    client.move([three], "Junk")
    check("INBOX", client.search(), [one])
    client.delete_messages([one], silent=True)
    client.uid_expunge([one])
    check("INBOX", client.search(), [])
    check("Archive", client.folder_status("Archive", ["MESSAGES", "UNSEEN"]), {b"MESSAGES": 2, b"UNSEEN": 2})
    check("Junk", client.folder_status("Junk", ["MESSAGES"]), {b"MESSAGES": 1})
    client.select_folder("Archive")
    copy = client.search()[0]
    check("date of the copy", client.fetch(copy, ["INTERNALDATE"])[copy][b"INTERNALDATE"], WHEN)

    step("folders")
    folders(client)
    client.logout()


def composed():
    mail = message("Grüße und ein Bild", text="Fünf Wörter stehen hier drin.\n", cc="erin@elsewhere.test")
    mail["In-Reply-To"] = "<earlier@elsewhere.test>"
    mail.add_attachment(bytes(range(256)), "image", "png", filename="bild.png")
    mail.add_attachment(message("inner", text="innermost\n"))
    return mail.as_bytes(policy=default.clone(linesep="\r\n"))


def fetch_items(client, uid, mail):
    items = [
        "FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY", "BODYSTRUCTURE", "MODSEQ",
        "BODY.PEEK[]", "BODY.PEEK[HEADER]", "BODY.PEEK[TEXT]", "BODY.PEEK[HEADER.FIELDS (SUBJECT TO)]",
        "BODY.PEEK[HEADER.FIELDS.NOT (SUBJECT TO)]", "BODY.PEEK[1]", "BODY.PEEK[1.MIME]", "BODY.PEEK[2]",
        "BODY.PEEK[3.HEADER]", "BODY.PEEK[3.TEXT]", "BODY.PEEK[3.1]", "BODY.PEEK[]<5.7>", "RFC822.HEADER",
    ]
    together = client.fetch(uid, items)[uid]
    for item in items:
        # Alone, each answers the same as among the others.
        alone = client.fetch(uid, [item])[uid]
        for key in alone.keys() - {b"SEQ"}:
            check(item, alone[key], together[key])
    header, _, text = mail.partition(b"\r\n\r\n")
    check("source", together[b"BODY[]"], mail)
    check("size", together[b"RFC822.SIZE"], len(mail))
    check("header", together[b"BODY[HEADER]"], header + b"\r\n\r\n")
    check("text", together[b"BODY[TEXT]"], text)
    check("partial", together[b"BODY[]<5>"], mail[5:12])
    check("RFC822.HEADER", together[b"RFC822.HEADER"], header + b"\r\n\r\n")
    check("date", together[b"INTERNALDATE"], WHEN)
    check("flags", without_recent(together[b"FLAGS"]), {rb"\Seen", b"$Forwarded", b"blue"})

    parsed = message_from_bytes(mail, policy=default)
    boundary = f"\r\n--{parsed.get_boundary()}\r\n".encode()
    _, plain, image, _ = (part.partition(b"\r\n\r\n")[2] for part in mail.split(boundary))
    check("part 1", together[b"BODY[1]"], plain)
    check("part 2", together[b"BODY[2]"], image)
    assert b"innermost" in together[b"BODY[3.1]"] and b"innermost" in together[b"BODY[3.TEXT]"]
    assert b"Subject: inner" in together[b"BODY[3.HEADER]"]
    assert together[b"BODY[1.MIME]"].lower().startswith(b"content-type: text/plain")
    fields = message_from_bytes(together[b"BODY[HEADER.FIELDS (SUBJECT TO)]"], policy=default)
    check("fields", sorted(key.lower() for key in fields), ["subject", "to"])
    others = message_from_bytes(together[b"BODY[HEADER.FIELDS.NOT (SUBJECT TO)]"], policy=default)
    check("other fields", "subject" in others or "to" in others, False)

    envelope = together[b"ENVELOPE"]
    check("message id", envelope.message_id.decode(), parsed["Message-ID"])
    check("in reply to", envelope.in_reply_to, b"<earlier@elsewhere.test>")
    check("from", (envelope.from_[0].mailbox, envelope.from_[0].host), (b"carol", b"elsewhere.test"))
    check("cc", envelope.cc[0].mailbox, b"erin")
    check("bcc", envelope.bcc, None)
    structure = together[b"BODYSTRUCTURE"]
    assert structure.is_multipart
    types = [(part[0].lower(), part[1].lower()) for part in structure[0]]
    check("types", types, [(b"text", b"plain"), (b"image", b"png"), (b"message", b"rfc822")])
    assert together[b"MODSEQ"][0] > 0

    # BODY[] without PEEK marks as read, and says so.
    client.remove_flags(uid, [rb"\Seen"])
    assert rb"\Seen" in client.fetch(uid, ["BODY[TEXT]", "FLAGS"])[uid][b"FLAGS"]


def search(client):
    deliver(message("second", text="Straße\n"))
    client.noop()
    client.append("INBOX", message("third").as_bytes(), ["urgent"], datetime(1999, 12, 31, tzinfo=timezone.utc))
    client.noop()
    uids = client.search()
    cases = [
        ("ALL", None, [1, 2, 3]),
        (["SUBJECT", "grüße"], "UTF-8", [1]),
        (["BODY", "Wörter"], "UTF-8", [1]),
        (["TEXT", "straße"], "UTF-8", [2]),
        (["TEXT", "Straße".encode("latin-1")], "ISO-8859-1", [2]),
        (["OR", ["SUBJECT", "second"], ["SUBJECT", "third"]], None, [2, 3]),
        (["NOT", ["KEYWORD", "urgent"]], None, [1, 2]),
        (["BEFORE", date(2000, 1, 1)], None, [3]),
        (["SINCE", date(2021, 3, 4), "BEFORE", date(2021, 3, 5)], None, [1]),
        (["CC", "erin"], None, [1]),
        (["TO", ALICE["address"], "UNSEEN"], None, [2, 3]),
        (["UID", f"{uids[1]}:*"], None, [2, 3]),
        (["HEADER", "In-Reply-To", "earlier"], None, [1]),
        (["SMALLER", 10], None, []),
        (["MODSEQ", 1], None, [1, 2, 3]),
    ]
    for criteria, charset, expected in cases:
        check(f"search {criteria}", [uids.index(uid) + 1 for uid in client.search(criteria, charset)], expected)
    try:
        client.search([b"SUBJECT", b"x"], "X-NO-SUCH-CHARSET")
        raise AssertionError("an unknown charset was accepted")
    except IMAPClientError as error:
        assert "BADCHARSET" in str(error), error


def folders(client):
    for name in ("Größe", "Größe/Unter Ordner", "平仮名"):
        client.create_folder(name)
        client.subscribe_folder(name)
    check("exists", client.folder_exists("Größe/Unter Ordner"), True)
    names = {name for _, _, name in client.list_folders()}
    assert {"INBOX", "Größe", "Größe/Unter Ordner", "平仮名"} <= names, names
    check("pattern %", [name for _, _, name in client.list_folders("", "Gr%")], ["Größe"])
    check("below", [name for _, _, name in client.list_folders("Größe/", "*")], ["Größe/Unter Ordner"])
    client.rename_folder("Größe", "Klein")
    check("renamed", sorted(name for _, _, name in client.list_folders("", "Klein*")), ["Klein", "Klein/Unter Ordner"])
    assert "平仮名" in {name for _, _, name in client.list_sub_folders()}
    client.unsubscribe_folder("平仮名")
    assert "平仮名" not in {name for _, _, name in client.list_sub_folders()}
    for name in ("Klein/Unter Ordner", "Klein", "平仮名"):
        client.delete_folder(name)
    try:
        client.select_folder("Klein")
        raise AssertionError("a deleted folder was selected")
    except IMAPClientError:
        pass


def without_recent(flags):
    return set(flags) - {rb"\Recent"}


main()
