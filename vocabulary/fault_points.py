"""Named steps in a callback's life, at which a fault test may stop or kill the process.

In production ``reached`` is an empty function. A process that is started for a fault test
replaces it with a listener before taking work.
"""

from collections.abc import Callable
from enum import StrEnum


class Step(StrEnum):
    """The steps a process passes, in the order of one callback's life."""

    READ = "read"
    """The receiver has read a callback's bytes."""
    VERIFIED = "verified"
    """The sender is authenticated."""
    PARSED = "parsed"
    """The request is parsed and about to wait for a batch."""
    DECIDED = "decided"
    """The batch is decided; its statement is about to be sent."""
    COMMITTED = "committed"
    """The statement is durable; no callback is answered yet."""
    ANSWERED = "answered"
    """The answers are handed over; the workers are not notified yet."""
    NOTIFIED = "notified"
    """The broker has the message."""
    LOCKED = "locked"
    """A worker has locked batches; nothing is written."""
    ENTRIES_WRITTEN = "entries_written"
    """The entries are written, the rounds are not."""
    ROUNDS_WRITTEN = "rounds_written"
    """The rounds are written, nothing is swept."""
    SWEPT = "swept"
    """Ended rounds are swept; the batches are not marked."""
    MARKED = "marked"
    """The batches are marked; the transaction is open."""
    POSTED = "posted"
    """The posting is durable; the message is not acknowledged."""
    RECORDS_LOCKED = "records_locked"
    """A worker has locked history deliveries; nothing is stored."""
    STORED = "stored"
    """The records are stored; the transaction is open."""
    INGESTED = "ingested"
    """The history is durable; the message is not acknowledged."""
    BACKLOG_FOUND = "backlog_found"
    """The scheduler has found unposted work and sent no message."""
    BACKLOG_SENT = "backlog_sent"
    """The scheduler has sent messages for the unposted work."""


Listener = Callable[[Step], None]


def _nothing(_step: Step) -> None:
    return None


#: Called at every step of this process as ``steps.reached(...)``; never imported by name.
reached: Listener = _nothing


def listen(listener: Listener) -> None:
    """Call the listener at every step of this process from now on."""
    global reached  # noqa: PLW0603 - set once, before work is taken
    reached = listener
