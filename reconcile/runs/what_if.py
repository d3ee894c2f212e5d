"""What other rules would have said of the days that are stored, without storing any of it.

The same question is asked twice of the same instant: by the terms that hold, and by the terms
proposed. What only the first finds would be hidden, what only the second finds would open.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pandas as pd
from sqlalchemy import text

from reconcile.findings.breaks import Break
from reconcile.matching.compare import Fetch, compare
from reconcile.partitions.plan import How
from reconcile.partitions.scan import Look, Looked, Scope, look_at_all
from reconcile.partitions.tasks import fetch_from
from reconcile.runs.evaluate import Evaluation, Terms, judge
from reconcile.snapshot.edge_keys import margin_of
from reconcile.snapshot.frames import KEYS, RECORDS, Keys
from reconcile.snapshot.snapshot import Snapshot
from storage.engine import open_engine
from vocabulary.ids import match_key

#: The provider's name of a round to ours.
RoundNames = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIfEffect:
    """What a proposal would do to the breaks of a window.

    Attributes:
        before, after: how many breaks the terms that hold find, and those proposed.
        hidden, opened: breaks that only one of them finds.
        changed: found by both with another difference: (now, proposed).
        residuals: by currency, what a proposed tolerance would let pass, minor units.
    """

    before: int
    after: int
    hidden: tuple[Break, ...]
    opened: tuple[Break, ...]
    changed: tuple[tuple[Break, Break], ...]
    residuals: Mapping[str, int] = field(default_factory=dict)


def what_if(
    database_url: str, held: Terms, proposed: Terms, *, now: datetime, names: RoundNames
) -> WhatIfEffect:
    """Ask by the terms that hold and by those proposed, with rounds of theirs renamed.

    Raises:
        Unavailable: the database cannot be reached.
        Contradiction: a comparison does not conserve its rows.
    """
    look = look_renaming(held.provider, names) if names else None
    before = _judge(database_url, held, now, None)
    after = _judge(database_url, proposed, now, look)
    return compared(before, after)


def compared(before: Evaluation, after: Evaluation) -> WhatIfEffect:
    """The breaks of one judgement against those of another."""
    old = {each.id: each for each in before.breaks}
    new = {each.id: each for each in after.breaks}
    return WhatIfEffect(
        before=len(old),
        after=len(new),
        hidden=tuple(each for name, each in old.items() if name not in new),
        opened=tuple(each for name, each in new.items() if name not in old),
        changed=tuple(
            (each, new[name])
            for name, each in old.items()
            if name in new and new[name].difference != each.difference
        ),
        residuals=after.comparison.residuals,
    )


def _judge(database_url: str, terms: Terms, now: datetime, look: Look | None) -> Evaluation:
    engine = open_engine(database_url, pool_size=1)
    try:
        with engine.connect() as connection:
            connection.execute(text("SET TRANSACTION READ ONLY"))
            return judge(database_url, connection, terms, now=now, look=look)
    finally:
        engine.dispose()


def look_renaming(provider: str, names: RoundNames) -> Look:
    """Looks at the whole window as if the provider called some rounds by other names."""
    if not names:
        return look_at_all(How())
    keys = {match_key(provider, old): match_key(provider, new) for old, new in names.items()}

    def look(books: Snapshot, scope: Scope, _asked: Keys) -> Looked:
        sides = books.keys()
        touched = np.array([*keys, *keys.values()], dtype=np.int64)
        margin = margin_of(books.near, scope.window, scope.judging.rules)
        found = compare(
            sides.ours,
            _rekeyed(sides.theirs, keys),
            suspect=np.union1d(books.straddling(), touched),
            fetch=_fetch_renamed(fetch_from(books), keys, names),
            judging=scope.judging,
            margin=margin,
        )
        return Looked(comparison=found, whole=True)

    return look


def _rekeyed(theirs: pd.DataFrame, keys: Mapping[int, int]) -> pd.DataFrame:
    moved = theirs.assign(match_key=_replaced(theirs["match_key"].to_numpy(), keys))
    return KEYS.check(moved.sort_values("match_key", kind="stable", ignore_index=True))


def _replaced(told: Keys, keys: Mapping[int, int]) -> Keys:
    replaced = told.copy()
    for old, new in keys.items():
        replaced[told == old] = new
    return replaced


def _fetch_renamed(fetch: Fetch, keys: Mapping[int, int], names: RoundNames) -> Fetch:
    def renamed(asked: Keys) -> tuple[pd.DataFrame, pd.DataFrame]:
        wanted = set(asked.tolist())
        also = [old for old, new in keys.items() if new in wanted]
        ours, theirs = fetch(np.union1d(asked, np.array(also, dtype=np.int64)))
        told = theirs["round_id"].replace(dict(names)).astype("str")
        theirs = theirs.assign(
            round_id=told, match_key=_replaced(theirs["match_key"].to_numpy(), keys)
        )
        mine, yours = (side[side["match_key"].isin(asked)] for side in (ours, theirs))
        return RECORDS.check(mine), RECORDS.check(yours)

    return renamed
