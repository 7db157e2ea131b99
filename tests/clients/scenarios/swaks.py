"""swaks: every way in, and what must be refused, as a person would try it on the command line."""

from fixture import ALICE, BOB, CERTIFICATE, DOMAIN, HOST, PORTS, check, imap, need, run, step

MAIL, RECIPIENT, AUTHENTICATION = 23, 24, 28
"""swaks says by its exit status what was refused."""


def main():
    need("swaks")
    server = ["--server", HOST, "--to", BOB["address"], "--tls-verify", "--tls-ca-path", CERTIFICATE]
    relay = [*server, "--port", PORTS["smtp"], "--from", "carol@elsewhere.test"]
    login = ["--auth-user", ALICE["address"], "--auth-password", ALICE["password"]]
    submission = [*server, "--from", ALICE["address"]]

    step("accepted")
    ways = {
        "plain": relay,
        "with STARTTLS": [*relay, "--tls"],
        "HELO": [*relay, "--protocol", "SMTP"],
        "null sender": [*relay, "--from", "<>"],
        "submission PLAIN": [*submission, "--port", PORTS["submission"], "--tls", "--auth", "PLAIN", *login],
        "submission LOGIN": [*submission, "--port", PORTS["submission"], "--tls", "--auth", "LOGIN", *login],
        "submissions": [*submission, "--port", PORTS["submissions"], "--tls-on-connect", "--auth", *login],
        "pipelined": [*relay, "--pipeline"],
    }
    for way, arguments in ways.items():
        run("swaks", *arguments, "--header", f"Subject: {way}")
    client = imap(BOB, "INBOX")
    uids = client.search()
    headers = client.fetch(uids, ["BODY.PEEK[HEADER]", "ENVELOPE"]).values()
    check("subjects", sorted(data[b"ENVELOPE"].subject.decode() for data in headers), sorted(ways))
    for data in headers:
        header = data[b"BODY[HEADER]"].lower()
        # RFC 5321 §4.4: one Return-Path, in front, and a Received line.
        assert header.startswith(b"return-path: <") and header.count(b"\r\nreceived:") >= 1, header
    (bounce,) = (data[b"BODY[HEADER]"] for data in headers if data[b"ENVELOPE"].subject == b"null sender")
    assert bounce.lower().startswith(b"return-path: <>"), bounce

    step("refused")
    refused(RECIPIENT, "550 5.1.1", *relay, "--to", f"nobody@{DOMAIN}")
    refused(RECIPIENT, "550 5.7.1", *relay, "--to", "someone@remote.test")
    refused(AUTHENTICATION, "535", *submission, "--port", PORTS["submissions"], "--tls-on-connect", "--auth", "PLAIN",
            "--auth-user", ALICE["address"], "--auth-password", "wrong")
    # Without TLS, AUTH is not even offered.
    refused(AUTHENTICATION, "", *submission, "--port", PORTS["submission"], "--auth", "PLAIN", *login)
    # No AUTH, no submission.
    refused(MAIL, "530", *submission, "--port", PORTS["submission"], "--tls")
    client.noop()
    check("messages", len(client.search()), len(ways))
    client.logout()


def refused(status, reply, *arguments):
    transcript = run("swaks", *arguments, status=status)
    assert reply in transcript, f"expected {reply!r} in:\n{transcript}"


main()
