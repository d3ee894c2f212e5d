"""The named steps of a callback's life, where a test may stop or kill the process.

In production ``reached`` does nothing: one call of an empty function. A process that is started
for a fault test puts a listener in its place before it takes work.
"""

from collections.abc import Callable
from enum import StrEnum


class Step(StrEnum):
    """Where a process can be, in the order of one callback's life."""

    READ = "read"
    """The receiver has a callback's bytes."""
    VERIFIED = "verified"
    """The sender is proven."""
    UNDERSTOOD = "understood"
    """There is a fact; it is about to wait for a batch."""
    DECIDED = "decided"
    """The batch is decided; its statement is about to be sent."""
    COMMITTED = "committed"
    """The statement is durable; nobody has been answered."""
    ANSWERED = "answered"
    """The answers are handed over; no worker has been told."""
    TOLD = "told"
    """The broker has the message."""
    LOCKED = "locked"
    """A worker holds batches; nothing is written."""
    ENTERED = "entered"
    """The entries are written, the rounds are not."""
    GATHERED = "gathered"
    """The rounds are written, nothing is swept."""
    SWEPT = "swept"
    """Ended rounds are swept; the batches are not marked."""
    MARKED = "marked"
    """The batches are marked; the transaction is open."""
    POSTED = "posted"
    """The posting is durable; the message is not acknowledged."""
    HELD = "held"
    """A worker holds history deliveries; nothing is stored."""
    STORED = "stored"
    """The records are stored; the transaction is open."""
    INGESTED = "ingested"
    """The history is durable; the message is not acknowledged."""
    FOUND = "found"
    """The scheduler has found unposted work and told nobody."""
    ASKED = "asked"
    """The scheduler has asked for the work."""


Listener = Callable[[Step], None]


def _nothing(_step: Step) -> None:
    return None


#: Told every step of this process; called as ``steps.reached(...)``, never imported by name.
reached: Listener = _nothing


def listen(listener: Listener) -> None:
    """Tell every step of this process to the listener from now on."""
    global reached  # noqa: PLW0603 - the one switch, thrown once before work is taken
    reached = listener
