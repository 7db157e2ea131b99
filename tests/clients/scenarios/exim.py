"""Exim as the other server, both ways: as with Postfix, and it sends us chunks (BDAT) and pipelines."""

import os

import packages
from exchange import exercise
from fixture import need, skip
from mtas import Exim


class Watched(Exim):
    """Looks at the end what it has noted of its connections with us."""

    def stop(self):
        lines = self.logged().splitlines()
        super().stop()
        sent = [line for line in lines if " => " in line and " R=ours " in line]
        # A reply to each message, encrypted; K is CHUNKING, L is PIPELINING.
        for line in sent:
            assert " X=TLS1.3" in line and " K" in line and " L" in line and ' C="250' in line, line
        assert sent, "nothing was sent to us"


need("openssl")
if not packages.EXIM.exists() or os.geteuid() != 0:
    skip("only root can unpack Exim, and run it as its user")
exercise(Watched)
