"""IMAPClient on what it has commands for beyond the base: SORT, THREAD, QUOTA, MULTIAPPEND, and BINARY by hand."""

from fixture import SERVER, check, imap, message, skip, step


def main():
    client = imap()
    if not client.has_capability("QUOTA"):
        skip(f"{SERVER['name']} offers no QUOTA as it is set up")

    step("several messages by one APPEND")
    first = message("Zebra")
    mails = [first, message("apple"), reply(first, "Re: Zebra"), message("Mango")]
    answer = client.multiappend(
        "INBOX", [mails[0].as_bytes(), *({"msg": mail.as_bytes(), "flags": [r"\Seen"]} for mail in mails[1:])]
    )
    assert b"APPENDUID" in answer[1][0], answer
    client.select_folder("INBOX")
    uids = client.search()
    check("messages", len(uids), 4)
    check("seen", client.search("SEEN"), uids[1:])

    step("sort")
    check("by subject", client.sort("SUBJECT"), [uids[1], uids[3], uids[0], uids[2]])
    check("the other way round", client.sort(["REVERSE SUBJECT"]), [uids[0], uids[2], uids[3], uids[1]])
    check("of some", client.sort("SUBJECT", ["SEEN"]), [uids[1], uids[3], uids[2]])

    step("threads")
    for algorithm in ("REFERENCES", "ORDEREDSUBJECT", "REFS"):
        threads = {tuple(thread) for thread in client.thread(algorithm=algorithm)}
        check(algorithm, threads, {(uids[0], uids[2]), (uids[1],), (uids[3],)})

    step("quota")
    roots, quotas = client.get_quota_root("INBOX")
    assert roots.quota_roots, "INBOX has no quota root"
    check("resources without a limit", [quota for quota in quotas if quota.limit], [])

    step("a part, decoded by the server")
    got = client.fetch(uids[1], ["BINARY.PEEK[1]", "BINARY.SIZE[1]"])[uids[1]]
    check("octets", len(got[b"BINARY[1]"]), got[b"BINARY.SIZE[1]"])
    client.logout()


def reply(to, subject):
    mail = message(subject)
    mail["In-Reply-To"] = mail["References"] = to["Message-ID"]
    return mail


main()
