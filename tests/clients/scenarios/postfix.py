"""Postfix as the other server, both ways: what each sends the other takes, octet for octet, and tells how it went."""

import os

from exchange import exercise
from fixture import need, skip
from mtas import Postfix

need("postfix", "openssl")
if os.geteuid() != 0:
    skip("only root can run Postfix")
exercise(Postfix)
