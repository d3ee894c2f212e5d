"""Operations that arrive after a tombstone was placed under their key. Pure.

A tombstone occupies the key of an operation that was rolled back before it arrived; nobody
knows then what kind of operation will arrive. A late bet or win is kept out. A rollback or a
round's end cannot be undone, so a late one does what it would have done before the tombstone.
It is booked under a key of its own beside the tombstone's, so both orders end in the same
books.
"""

from ledger.accepting.model import KnownOperation, LedgerView
from ledger.accepting.own_operations import OwnOperation
from ledger.enums import OperationKind
from vocabulary.facts import Operation, Rollback, RoundEnd

#: Begins with a no-break space, which no provider's identifier can hold.
LATE_SUFFIX = "\u00a0(late)"


def late_key(key: str) -> str:
    """The key beside a tombstone's."""
    return key + LATE_SUFFIX


def booked_key(view: LedgerView, provider: str, fact: Operation | OwnOperation) -> str:
    """The key under which the operation is or will be booked."""
    if not isinstance(fact, Rollback | RoundEnd):
        return fact.key
    prior = view.operations.get((provider, fact.key))
    is_occupied = prior is not None and prior.kind is OperationKind.TOMBSTONE
    return late_key(fact.key) if is_occupied else fact.key


def was_never_received(operation: KnownOperation | None) -> bool:
    """Whether the operation is unknown; also true if only a round's end has a tombstone."""
    return operation is None or (operation.closed and not operation.reversed)
