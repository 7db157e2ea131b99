"""IMAPClient in IDLE: deliveries, flags and expunges of others are pushed; IDLE ends and begins again cleanly."""

import time

from fixture import ALICE, await_push, check, deliver, expunged, flags, imap, message, step, subjects


def main():
    idler, other = imap(folder="INBOX"), imap(folder="INBOX")
    idler.idle()

    step("a delivery")
    accepted = deliver(message("first"))
    await_push(idler, lambda told: (1, b"EXISTS") in told)
    print(f"  known {1000 * (time.time() - accepted):.1f} ms after the 250")
    idler.idle_done()
    check("subjects", list(subjects(idler).values()), ["first"])

    step("ten more, while idling all the time")
    idler.idle()
    for number in range(2, 12):
        deliver(message(f"number {number}"))
        await_push(idler, lambda told: (number, b"EXISTS") in told)

    step("flags set by another connection")
    other.noop()
    uids = other.search()
    other.add_flags([uids[2], uids[4]], [rb"\Flagged", "project"])
    told = flags(await_push(idler, lambda told: {3, 5} <= flags(told).keys()))
    for number in (3, 5):
        check(f"flags of {number}", set(told[number]) - {rb"\Recent"}, {rb"\Flagged", b"project"})

    step("expunges by another connection")
    other.delete_messages(uids[2:4])
    other.expunge()
    told = await_push(idler, lambda told: len(expunged(told)) == 2)
    # Sequence numbers move up after each EXPUNGE (RFC 9051 §7.5.1).
    assert expunged(told) in ([3, 3], [4, 3]), told
    idler.idle_done()
    check("left", idler.search(), uids[:2] + uids[4:])

    step("what happened between two IDLEs")
    deliver(message("between"))
    # IMAPClient buffers what comes together with the continuation, and idle_check does not look there.
    idler.idle()
    _, told = idler.idle_done()
    assert (10, b"EXISTS") in told, told

    step("IDLE a hundred times")
    for number in range(100):
        idler.idle()
        idler.idle_done()
    idler.idle()
    deliver(message("after a hundred"), ALICE["address"])
    await_push(idler, lambda told: (11, b"EXISTS") in told)
    idler.idle_done()
    idler.logout()
    other.logout()


main()
