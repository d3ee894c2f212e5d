"""What comes after a tombstone was placed for it, and must be taken all the same. Pure.

A tombstone occupies the key of something that was rolled back before it came. Nobody knows then
what will come. A bet or a win is kept out. A rollback or a round's end cannot be undone, so had
it come first it would stand and do what it does; it still does, under a key of its own beside
the tombstone's. Only so do both orders end in the same books.
"""

from ledger.accepting.model import KnownOperation, LedgerView
from ledger.accepting.own_operations import OwnOperation
from ledger.enums import OperationKind
from vocabulary.facts import Operation, Rollback, RoundEnd

#: Begins with a no-break space, which no identifier of a provider can hold.
LATE_SUFFIX = "\u00a0(late)"


def late_key(key: str) -> str:
    """The key beside a tombstone's."""
    return key + LATE_SUFFIX


def booked_key(books: LedgerView, provider: str, fact: Operation | OwnOperation) -> str:
    """The key an operation stands under or would stand under, as far as is known."""
    if not isinstance(fact, Rollback | RoundEnd):
        return fact.key
    prior = books.operations.get((provider, fact.key))
    is_held_off = prior is not None and prior.kind is OperationKind.TOMBSTONE
    return late_key(fact.key) if is_held_off else fact.key


def was_never_received(operation: KnownOperation | None) -> bool:
    """Whether nothing is known of it: a round's end that named it keeps it out, no rollback."""
    return operation is None or (operation.closed and not operation.reversed)
