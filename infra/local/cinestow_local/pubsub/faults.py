"""Faults on request, for tests: a gRPC method of our own takes them as JSON."""

from dataclasses import dataclass

import grpc
import msgspec

METHOD = "/cinestow.local.Faults/Set"


@dataclass(frozen=True)
class Faults:
    """What goes wrong from now on; as constructed, nothing does."""

    fail_publishes: int = 0
    """So many publish calls to come answer UNAVAILABLE."""
    copies: int = 1
    """How often each message published is delivered, each copy acknowledged on its own."""
    shuffle_s: float = 0.0
    """Each message published is held back for a random time up to this, in seconds.

    Those of one ordering key stay in order.
    """


def set_faults(host: str, faults: Faults) -> None:
    """Tell the server at ``host`` (``ADDRESS:PORT``) what goes wrong from now on."""
    with grpc.insecure_channel(host) as channel:
        call = channel.unary_unary(METHOD, msgspec.json.encode, msgspec.json.decode)
        call(faults, timeout=10)
