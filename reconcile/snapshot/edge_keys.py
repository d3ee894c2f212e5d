"""Find the edge rows: rows outside the window that take part in matching by attributes.

Where the provider's history lacks our round ids, two clocks may place a round and its
counterpart on different sides of the window's edge. That counterpart may in turn belong to a
row further out, and so on. All rows of one player and currency are therefore followed outwards
until a gap longer than ``Rules.within``. No pass ties rows across such a gap, so no row behind
it can change a result, and two windows that meet at an edge use the same rows around it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b

import numpy as np

from reconcile.snapshot.arrays import Amounts, Flags, changes
from reconcile.snapshot.frames import Keys
from reconcile.snapshot.rules import Rules
from vocabulary.window import Window

#: How many spans of ``Rules.within`` one read covers; it bounds the memory of a read.
SPANS_PER_READ = 6
#: How far rows are followed, in spans of ``Rules.within``: one day at the default of ten
#: minutes. Only a player who never pauses for that long is cut off there.
SPANS_MAX = 144

OUR_TIMED_ROWS = """
SELECT r.match_key, hashtextextended(w.player || chr(31) || r.currency, 0) AS player_currency,
       r.first_at AS at
  FROM rounds r JOIN wallets w USING (wallet_id)
 WHERE r.provider = {provider} AND r.first_at >= {since} AND r.first_at < {until}
"""
THEIR_TIMED_ROWS = """
SELECT f.match_key,
       hashtextextended(coalesce(h.player, f.handle) || chr(31) || f.currency, 0)
       AS player_currency,
       f.created_at AS at
  FROM feed_records f LEFT JOIN handles h USING (provider, handle)
 WHERE f.provider = {provider} AND f.created_at >= {since} AND f.created_at < {until}
"""
NO_KEYS: Keys = np.zeros(0, dtype=np.int64)
_US = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedRows:
    """Rows of both sides in a span of time, in any order.

    Attributes:
        player_currency: a 64-bit hash of player and currency.
        at_us: when the row began, in microseconds since 1970.
    """

    match_key: Keys
    player_currency: Amounts
    at_us: Amounts


#: Reads the rows of both sides from an instant (inclusive) to another (exclusive).
ReadTimedRows = Callable[[datetime, datetime], TimedRows]


def find_edge_keys(read_rows: ReadTimedRows, window: Window, rules: Rules) -> Keys:
    """Return the sorted keys of all edge rows of a window; none unless ``rules`` allow them."""
    if not rules.attributes or not rules.edges:
        return NO_KEYS
    before = _follow(read_rows, window.start, -1, rules)
    return np.union1d(before, _follow(read_rows, window.end, 1, rules))


def edge_span(rules: Rules) -> timedelta:
    """How far beyond a window rows may take part in matching."""
    if not rules.attributes or not rules.edges:
        return timedelta(0)
    return SPANS_MAX * rules.within


def edge_digest(edge_keys: Keys) -> str:
    """Hash the edge keys, to tell whether stored parts were made with the same ones."""
    return blake2b(edge_keys.tobytes(), digest_size=16).hexdigest()


def _follow(read_rows: ReadTimedRows, edge: datetime, direction: int, rules: Rules) -> Keys:
    """Return the keys of the rows linked to the edge; ``direction`` is 1 or -1 in time."""
    keys = [NO_KEYS]
    front: _Front | None = None
    read_span = SPANS_PER_READ * rules.within
    edge_us = np.datetime64(edge.replace(tzinfo=None), "us").astype(np.int64)
    for number in range(SPANS_MAX // SPANS_PER_READ):
        offsets = (direction * number * read_span, direction * (number + 1) * read_span)
        rows = read_rows(*sorted(edge + offset for offset in offsets))
        distance = direction * (rows.at_us - edge_us)
        linked, front = _linked(rows.player_currency, distance, front, rules.within_us)
        keys.append(rows.match_key[linked])
        front = front.at_least((number + 1) * (read_span // _US) - rules.within_us)
        if not len(front.player_currency):
            break
    return np.unique(np.concatenate(keys))


@dataclass(frozen=True, slots=True)
class _Front:
    """The furthest linked row of each player and currency, in microseconds from the edge."""

    player_currency: Amounts
    distance: Amounts

    def at_least(self, distance: int) -> "_Front":
        """Keep the players whose furthest row is at least this far out."""
        far = self.distance >= distance
        return _Front(self.player_currency[far], self.distance[far])


def _linked(
    player_currency: Amounts, distance: Amounts, front: _Front | None, within: int
) -> tuple[Flags, _Front]:
    """Flag the rows that follow the front without a gap, and return the new front."""
    if front is None:
        players = np.unique(player_currency)
        front = _Front(players, np.zeros_like(players))
    owners = np.concatenate([front.player_currency, player_currency])
    distances = np.concatenate([front.distance, distance])
    is_row = np.arange(len(owners)) >= len(front.player_currency)
    order = np.lexsort((is_row, distances, owners))
    begins = changes(owners[order])
    begins[1:] |= np.diff(distances[order]) > within
    starts = np.flatnonzero(begins)
    starts_at_front = ~is_row[order[starts]]
    linked = np.zeros(len(owners), dtype=bool)
    linked[order] = starts_at_front[np.cumsum(begins) - 1]
    lasts = order[np.append(starts, len(order))[1:] - 1][starts_at_front]
    return linked[len(front.player_currency) :], _Front(owners[lasts], distances[lasts])
