"""How far beyond its window a comparison must look, where no name ties the rows.

A round that one clock puts into the window and the other does not has its counterpart beyond
the edge; that one may belong to a row further out, and so on. Rows of a player and currency
that no pause longer than ``Rules.within`` parts are therefore looked at together, however far
out they go: no pass ties across such a pause, so what becomes of them depends on nothing else,
and both windows that meet at the edge see the same rows.
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

#: Spans of ``Rules.within`` that are read at once: what is in memory beyond the rows found.
STRIDE = 6
#: The furthest look, in such spans: a day by the usual rules. Only who never pauses for so
#: long is cut there.
SPANS_MAX = 144

#: What ``ReadNear`` reads of our rounds, and of the provider's records.
OURS_NEAR = """
SELECT r.match_key, hashtextextended(w.player || chr(31) || r.currency, 0) AS who,
       r.first_at AS at
  FROM rounds r JOIN wallets w USING (wallet_id)
 WHERE r.provider = {provider} AND r.first_at >= {since} AND r.first_at < {until}
"""
THEIRS_NEAR = """
SELECT f.match_key,
       hashtextextended(coalesce(h.player, f.handle) || chr(31) || f.currency, 0) AS who,
       f.created_at AS at
  FROM feed_records f LEFT JOIN handles h USING (provider, handle)
 WHERE f.provider = {provider} AND f.created_at >= {since} AND f.created_at < {until}
"""
NO_KEYS: Keys = np.zeros(0, dtype=np.int64)
_US = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """Rows of both sides in a span of time, in any order.

    Attributes:
        who: the player and currency, as a number.
        at: microseconds since 1970.
    """

    match_key: Keys
    who: Amounts
    at: Amounts


#: The rows from an instant (inside) to another (outside).
ReadNear = Callable[[datetime, datetime], Near]


def margin_of(near: ReadNear, window: Window, rules: Rules) -> Keys:
    """Keys of the rows beyond the window that take part in its passes; sorted."""
    if not rules.attributes or not rules.edges:
        return NO_KEYS
    return np.union1d(
        _walked(near, window.start, -1, rules), _walked(near, window.end, 1, rules)
    )


def digest_of(margin: Keys) -> str:
    """Names a margin, for whoever kept what was made with it."""
    return blake2b(margin.tobytes(), digest_size=16).hexdigest()


def _walked(near: ReadNear, edge: datetime, way: int, rules: Rules) -> Keys:
    """Keys of the rows that no pause parts from the edge; ``way`` is where to walk in time."""
    found = [NO_KEYS]
    front: _Front | None = None
    reach = STRIDE * rules.within
    zero = np.datetime64(edge.replace(tzinfo=None), "us").astype(np.int64)
    for stride in range(SPANS_MAX // STRIDE):
        ends = sorted((edge + way * stride * reach, edge + way * (stride + 1) * reach))
        rows = near(*ends)
        away = way * (rows.at - zero)
        linked, front = _linked(rows.who, away, front, rules.within_us)
        found.append(rows.match_key[linked])
        front = front.reaching((stride + 1) * (reach // _US) - rules.within_us)
        if not len(front.who):
            break
    return np.unique(np.concatenate(found))


@dataclass(frozen=True, slots=True)
class _Front:
    """How far out everybody's rows have been followed, in microseconds from the edge."""

    who: Amounts
    away: Amounts

    def reaching(self, away: int) -> "_Front":
        """Those who are that far out."""
        out = self.away >= away
        return _Front(self.who[out], self.away[out])


def _linked(
    who: Amounts, away: Amounts, front: _Front | None, within: int
) -> tuple[Flags, _Front]:
    """Which rows follow the front without a pause, and the front behind them."""
    if front is None:
        everybody = np.unique(who)
        front = _Front(everybody, np.zeros_like(everybody))
    people, places = np.concatenate([front.who, who]), np.concatenate([front.away, away])
    is_row = np.arange(len(people)) >= len(front.who)
    order = np.lexsort((is_row, places, people))
    begins = changes(people[order])
    begins[1:] |= np.diff(places[order]) > within
    starts = np.flatnonzero(begins)
    follows = ~is_row[order[starts]]
    linked = np.zeros(len(people), dtype=bool)
    linked[order] = follows[np.cumsum(begins) - 1]
    lasts = order[np.append(starts, len(order))[1:] - 1][follows]
    return linked[len(front.who) :], _Front(people[lasts], places[lasts])
