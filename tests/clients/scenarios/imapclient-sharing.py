"""IMAPClient with ACL: one account shares a folder, another finds it by NAMESPACE, works with it and is told of what happens."""

from imapclient.exceptions import IMAPClientError

from fixture import ALICE, BOB, await_push, check, imap, message, step, subjects


def main():
    alice, bob = imap(), imap(BOB)

    step("give rights")
    assert alice.has_capability("ACL") and alice.has_capability("RIGHTS=texk"), alice.capabilities()
    alice.create_folder("Team")
    check("own", alice.getacl("Team"), [(ALICE["address"].encode(), b"lrswipkxtecda")])
    alice.setacl("Team", BOB["address"], "lrswit")
    given = dict(alice.getacl("Team"))
    check("given", given[BOB["address"].encode()], b"lrswitd")
    alice.append("Team", message("one").as_bytes())

    step("find it")
    (prefix, separator), = bob.namespace().other
    check("namespace", (prefix, separator), ("Other Users/", "/"))
    shared = f"{prefix}{ALICE['address']}/Team"
    folders = [name for _, _, name in bob.list_folders(prefix)]
    assert shared in folders, folders
    bob.subscribe_folder(shared)
    assert shared in [name for _, _, name in bob.list_sub_folders()]

    step("work with it, while the owner looks on")
    check("READ-WRITE", bob.select_folder(shared)[b"READ-WRITE"], True)
    check("subjects", list(subjects(bob).values()), ["one"])
    alice.select_folder("Team")
    alice.idle()
    bob.append(shared, message("two").as_bytes())
    await_push(alice, lambda told: (2, b"EXISTS") in told)
    bob.add_flags(bob.search(), [rb"\Flagged"])
    await_push(alice, lambda told: any(item[1] == b"FETCH" for item in told))
    alice.idle_done()
    bob.copy(bob.search(), "Archive")
    check("copied", bob.folder_status("Archive", ["MESSAGES"])[b"MESSAGES"], 2)

    step("what is not allowed")
    for refused in (
        lambda: bob.expunge(),
        lambda: bob.getacl(shared),
        lambda: bob.setacl(shared, "anyone", "lr"),
        lambda: bob.delete_folder(shared),
        lambda: bob.create_folder(shared + "/Sub"),
        lambda: bob.folder_status(f"{prefix}{ALICE['address']}/INBOX"),
    ):
        try:
            refused()
        except IMAPClientError as error:
            print(f"  {error}")
        else:
            raise AssertionError("allowed")

    step("take them away")
    alice.setacl("Team", BOB["address"], "-lrswit")
    other = imap(BOB)
    assert shared not in [name for _, _, name in other.list_folders(prefix)]
    for client in (alice, other):
        client.logout()


main()
