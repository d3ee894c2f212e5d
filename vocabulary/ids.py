"""Match keys and transaction ids, and what ids name.

Provider ids are text everywhere. ``match_key`` is a signed 64-bit hash of (provider, round id),
so that both sides of a reconciliation are joined on integers; if two hashes collide, the text
ids decide.
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from hashlib import blake2b
from struct import unpack
from typing import NamedTuple

_TRANSACTION = re.compile(r"txn-([0-9]{1,18})-([0-9]{1,18})(?:-([1-9][0-9]{0,17}))?", re.ASCII)

#: Longest accepted provider id, in characters; documented ids have 19 to 36.
PROVIDER_ID_CHARS_MAX = 128


class RowKind(StrEnum):
    """What a provider's id names, whose rows may have left for an archive."""

    OPERATION = "operation"
    ROUND = "round"


def match_key(provider: str, round_id: str) -> int:
    """The signed 64-bit hash of a provider's round, equal on both sides of a comparison."""
    digest = blake2b(f"{provider}\0{round_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def match_keys(provider: str, round_ids: Sequence[str]) -> tuple[int, ...]:
    """The ``match_key`` of each of many rounds of one provider."""
    prefix = f"{provider}\0".encode()
    digests = [blake2b(prefix + id_.encode(), digest_size=8).digest() for id_ in round_ids]
    return unpack(f">{len(digests)}q", b"".join(digests))


class TransactionPosition(NamedTuple):
    """What a transaction id says: a position in a wallet's chain, and the epoch of its id.

    Attributes:
        epoch: 0 until the first restore of the database, then the Unix time at which the last
            restore began. A position that a restore emptied is taken again in a later epoch.
    """

    wallet_id: int
    wallet_seq: int
    epoch: int = 0


def transaction_id(wallet_id: int, wallet_seq: int, epoch: int = 0) -> str:
    """Our transaction id: a position in the wallet's chain and its epoch, therefore unique."""
    position = f"txn-{wallet_id}-{wallet_seq}"
    return f"{position}-{epoch}" if epoch else position


def transaction_position(transaction: str) -> TransactionPosition:
    """The position and epoch of a transaction id.

    Raises:
        ValueError: the text is no transaction id of ours.
    """
    match = _TRANSACTION.fullmatch(transaction)
    if match is None:
        raise ValueError(
            "a transaction id of the form txn-<wallet>-<seq> or txn-<wallet>-<seq>-<epoch>"
            " is expected"
        )
    return TransactionPosition(*(int(part or 0) for part in match.groups()))
