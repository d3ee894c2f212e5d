"""Match keys and transaction ids.

Provider ids are text everywhere. ``match_key`` is a signed 64-bit hash of (provider, round id),
so that both sides of a reconciliation are joined on integers; if two hashes collide, the text
ids decide.
"""

import re
from hashlib import blake2b

_TRANSACTION = re.compile(r"txn-([0-9]{1,18})-([0-9]{1,18})", re.ASCII)

#: Longest accepted provider id, in characters; documented ids have 19 to 36.
PROVIDER_ID_CHARS_MAX = 128


def match_key(provider: str, round_id: str) -> int:
    """The signed 64-bit hash of a provider's round, equal on both sides of a comparison."""
    digest = blake2b(f"{provider}\0{round_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def transaction_id(wallet_id: int, wallet_seq: int) -> str:
    """Our transaction id: a position in the wallet's chain, and therefore unique."""
    return f"txn-{wallet_id}-{wallet_seq}"


def chain_position(transaction: str) -> tuple[int, int]:
    """The (wallet id, wallet seq) of a transaction id.

    Raises:
        ValueError: the text is no transaction id of ours.
    """
    match = _TRANSACTION.fullmatch(transaction)
    if match is None:
        raise ValueError("a transaction id of the form txn-<wallet>-<seq> is expected")
    return int(match.group(1)), int(match.group(2))
