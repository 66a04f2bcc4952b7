"""Ports of this host that are free, kept from others until those whom they are for listen on them."""

import socket
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from random import SystemRandom

LOOPBACK = "127.0.0.1"
PORTS = range(20_000, 30_000)
"""Below those that systems give to outgoing connections. From among those, a process that keeps trying to reach one that is not there yet
would sooner or later connect to itself."""


@contextmanager
def held_ports(count: int) -> Generator[list[int]]:
    """`count` free ports of the loopback address, one after the other.

    On Linux nobody else who looks for a free port is given one of them as long as this lasts: they are bound here. Whoever they are for can
    listen on them nevertheless, since servers set SO_REUSEADDR and nothing listens here. On other systems that would bar the server
    as well; there the ports are free when this begins, and that is all.
    """
    rng = SystemRandom()
    while True:
        first = rng.choice(PORTS[: len(PORTS) - count])
        with ExitStack() as bound:
            try:
                for port in range(first, first + count):
                    one = bound.enter_context(socket.socket())
                    one.bind((LOOPBACK, port))
                    # Only now: it would have let this one have a port that another holds.
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            except OSError:
                continue
            if sys.platform != "linux":
                bound.close()
            yield list(range(first, first + count))
            return
