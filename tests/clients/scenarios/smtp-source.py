"""Postfix's smtp-source with many sessions at once, by SMTP and LMTP: what was acknowledged is there, once."""

import os
import time

from fixture import ALICE, BOB, DOMAIN, PORTS, SERVER, check, imap, need, run, skip, step
from restart import restarted
from servers import free_ports

SENDER = "source@elsewhere.test"


def main():
    need("smtp-source")
    if not SERVER["command"]:
        skip("posthaste's own command makes the aliases")
    program, settings = str(SERVER["command"][0]), str(SERVER["command"][-1])
    # The tool puts a number in front of each recipient but one.
    for number in range(21):
        account = (ALICE, BOB)[number % 2]
        name = f"{number or ''}to@{DOMAIN}"
        run(program, "alias", "add", name, account["address"], "--config", settings)
    (lmtp,) = free_ports(1)
    os.environ["POSTHASTE_LMTP__LISTEN"] = f'["127.0.0.1:{lmtp}"]'
    with restarted():
        flood(lmtp)


def flood(lmtp):
    for options, messages, copies in (
        # Sessions, messages, octets: a session each.
        (["-s", "20", "-m", "400", "-l", "3000", "-t", ALICE["address"]], 400, {"alice": 400}),
        # A session for many.
        (["-s", "5", "-m", "400", "-l", "100", "-d", "-t", BOB["address"]], 400, {"bob": 400}),
        # Recipients; one message for each account, whatever the number of its names.
        (["-s", "10", "-m", "100", "-r", "20", "-l", "20000", "-t", f"to@{DOMAIN}"], 100, {"alice": 100, "bob": 100}),
        (["-L", "-s", "10", "-m", "200", "-t", ALICE["address"]], 200, {"alice": 200}),
        (["-s", "4", "-m", "8", "-l", "4000000", "-t", ALICE["address"]], 8, {"alice": 8}),
    ):
        step(" ".join(options))
        port = lmtp if "-L" in options else PORTS["smtp"]
        started = time.monotonic()
        run("smtp-source", *options, "-f", SENDER, "-S", "by smtp-source", f"127.0.0.1:{port}")
        took = time.monotonic() - started
        print(f"  {messages / took:.0f} messages a second", flush=True)
        for name, account in (("alice", ALICE), ("bob", BOB)):
            check(f"messages of {name}", taken(account), copies.get(name, 0))


def taken(account):
    """How many messages there are, each another one; removes them."""
    client = imap(account, "INBOX")
    uids = client.search()
    if uids:
        fetched = client.fetch(uids, ["ENVELOPE"]).values()
        identifiers = {data[b"ENVELOPE"].message_id for data in fetched} - {None}
        assert len(identifiers) in (0, len(uids)), f"{len(uids)} messages, {len(identifiers)} different ones"
        client.delete_messages(uids)
        client.expunge()
    client.logout()
    return len(uids)


main()
