"""Ranges of wallets with about equal numbers of operations; together they cover every id."""

from typing import NamedTuple

from sqlalchemy import Connection, text

# Each wallet counts as one operation more than its position. The sum of bigints is numeric:
# without div every wallet would be a range of its own, and no wrong position is too large.
_RANGES = """
SELECT max(wallet_id) FROM (
  SELECT wallet_id, div(sum(seq) OVER ids + row_number() OVER ids, CAST(:size AS numeric))
           AS range
    FROM wallets WINDOW ids AS (ORDER BY wallet_id)
) w GROUP BY range ORDER BY 1
"""
_OPERATIONS = """
SELECT least(coalesce(sum(seq), 0) + count(*), 9223372036854775807)::bigint FROM wallets
"""


class WalletRange(NamedTuple):
    """Wallets with an id from ``first`` to ``last``, both included."""

    first: int
    last: int


#: Every id that a wallet can have.
ALL_WALLETS = WalletRange(-(2**63), 2**63 - 1)


def ranges_by_size(connection: Connection, size: int) -> list[WalletRange]:
    """Ranges of about ``size`` operations."""
    ends = [int(row[0]) for row in connection.execute(text(_RANGES), {"size": size})]
    if ends and ends[-1] == ALL_WALLETS.last:
        ends.pop()  # nothing is beyond it
    firsts = [ALL_WALLETS.first, *(end + 1 for end in ends)]
    lasts = [*ends, ALL_WALLETS.last]
    return [WalletRange(first, last) for first, last in zip(firsts, lasts, strict=True)]


def ranges_by_count(connection: Connection, count: int) -> list[WalletRange]:
    """At most so many ranges; fewer, where there are fewer wallets."""
    size = max(1, -(-expected_operations(connection) // count))
    ranges = ranges_by_size(connection, size)
    ranges, rest = ranges[: count - 1], ranges[count - 1 :]
    return [*ranges, WalletRange(rest[0].first, ALL_WALLETS.last)] if rest else ranges


def expected_operations(connection: Connection) -> int:
    """About how many operations the books have, by the positions of their wallets."""
    count: int = connection.execute(text(_OPERATIONS)).scalar_one()
    return count
