"""Twenty connections set and remove flags of the same messages at once; the end is what the sum of all says."""

import random
from concurrent.futures import ThreadPoolExecutor

from fixture import check, imap, message, step

CONNECTIONS = 20
MESSAGES = 40
CHANGES = 30
SEED = 8


def main():
    client = imap(folder="INBOX")
    step(f"{MESSAGES} messages, {CONNECTIONS} connections, {CHANGES} changes each")
    for number in range(MESSAGES):
        client.append("INBOX", message(f"number {number}").as_bytes())
    client.noop()
    uids = client.search()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        models = list(pool.map(lambda worker: change(worker, uids), range(CONNECTIONS)))

    step("the final state")
    expected = {uid: set().union(*(model[uid] for model in models)) for uid in uids}
    client.noop()
    check("flags", final(client), expected)
    fresh = imap(folder="INBOX")
    check("flags, seen by a new connection", final(fresh), expected)
    check("nothing lost", len(fresh.search()), MESSAGES)
    client.logout()
    fresh.logout()


def change(worker, all_uids):
    """Changes at random, but only the keywords of its own, so that the end does not depend on who came first."""
    choose = random.Random(SEED + worker)
    own = [f"w{worker % 5}x{worker // 5}".encode()]
    model = {uid: set() for uid in all_uids}
    client = imap(folder="INBOX")
    for _ in range(CHANGES):
        uids = choose.sample(all_uids, choose.randint(1, 10))
        if choose.random() < 0.6:
            told = client.add_flags(uids, own)
            for uid in uids:
                model[uid].update(own)
                assert own[0] in told.get(uid, own), f"{uid} of {told}"
        else:
            client.remove_flags(uids, own, silent=True)
            for uid in uids:
                model[uid].difference_update(own)
    client.logout()
    return model


def final(client):
    told = client.get_flags(client.search())
    return {uid: {flag for flag in flags if flag != rb"\Recent"} for uid, flags in told.items()}


main()
