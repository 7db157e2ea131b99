"""GNU SASL: each mechanism by IMAP and by submission, with its own idea of SCRAM and of what a TLS channel is bound by."""

import re

from fixture import ALICE, CERTIFICATE, HOST, PORTS, need, run, step

SERVICES = {"imap": PORTS["imap"], "smtp": PORTS["submission"]}
REFUSED = 1
"""The exit status of a login that failed."""


def main():
    need("gsasl")
    for service in SERVICES:
        step(f"{service}: accepted")
        for mechanism in ["SCRAM-SHA-256-PLUS", "PLAIN", "LOGIN"]:
            log_in(service, mechanism)
        # Bound to nothing, as by a client that does not know how: else it takes the missing PLUS for an attack.
        log_in(service, "SCRAM-SHA-256", "--no-cb")
        # By its own choice it takes the strongest that it has.
        transcript = log_in(service, None)
        assert re.search(r"^(\. AUTHENTICATE|AUTH) SCRAM-SHA-256-PLUS\b", transcript, re.M), transcript

        step(f"{service}: refused")
        for mechanism in ["SCRAM-SHA-256-PLUS", "PLAIN"]:
            log_in(service, mechanism, password="wrong", status=REFUSED)


def log_in(service, mechanism, *options, password=ALICE["password"], status=0):
    chosen = [f"--mechanism={mechanism}"] if mechanism else []
    return run(
        "gsasl", f"--{service}", f"--connect={HOST}:{SERVICES[service]}", f"--x509-ca-file={CERTIFICATE}", *chosen,
        f"--authentication-id={ALICE['address']}", f"--authorization-id={ALICE['address']}", f"--password={password}",
        *options, "--verbose", status=status, input="",
    )


main()
