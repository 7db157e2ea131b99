"""Exim as the other server, both ways: as with Postfix, and it sends us chunks (BDAT) and pipelines."""

import os

import packages
from exchange import exercise
from fixture import need, skip
from mtas import Exim


class Watched(Exim):
    def verify(self):
        """Each message to us was encrypted (X), in chunks (K) and pipelined (L), and has our answer (C)."""
        sent = [line for line in self.logged().splitlines() if " => " in line and " R=ours " in line]
        assert sent, "nothing was sent to us"
        for line in sent:
            assert " X=TLS1.3" in line and " K" in line and " L" in line and ' C="250' in line, line


need("openssl")
if not packages.EXIM.exists() or os.geteuid() != 0:
    skip("only root can unpack Exim, and run it as its user")
exercise(Watched)
