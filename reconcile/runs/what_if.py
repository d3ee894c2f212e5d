"""Find out which breaks other rules would have hidden or opened, without storing anything.

The request is evaluated twice at the same instant: as configured, and as proposed. A break that
only the first finds would be hidden, and one that only the second finds would be opened.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pandas as pd
from sqlalchemy import text

from reconcile.findings.breaks import Break
from reconcile.matching.compare import Fetch, compare
from reconcile.partitions.scan import Scan, ScanResult
from reconcile.runs.evaluate import Evaluation, evaluate
from reconcile.runs.request import RunRequest
from reconcile.snapshot.arrays import python_values
from reconcile.snapshot.columns import Columns, array_of
from reconcile.snapshot.edge_keys import find_edge_keys
from reconcile.snapshot.frames import KEYS, RECORDS, Keys, RecordSides, Sides
from reconcile.snapshot.shared_rounds import round_of, split_player_shares
from reconcile.snapshot.snapshot import Snapshot
from storage.transactions import engine_at
from vocabulary.ids import match_key

#: Maps the provider's round ids to ours.
RoundNames = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIfEffect:
    """What a proposal would do to the breaks of a window.

    Attributes:
        before, after: the number of breaks with the current and with the proposed request.
        hidden, opened: breaks that only one of them finds.
        changed: breaks found by both with different amounts: (current, proposed).
        residuals: by currency, what the proposed tolerance would accept, in minor units.
    """

    before: int
    after: int
    hidden: tuple[Break, ...]
    opened: tuple[Break, ...]
    changed: tuple[tuple[Break, Break], ...]
    residuals: Mapping[str, int] = field(default_factory=dict)


def what_if(
    database_url: str,
    current: RunRequest,
    proposed: RunRequest,
    *,
    now: datetime,
    names: RoundNames,
) -> WhatIfEffect:
    """Evaluate a current and a proposed request and compare their breaks.

    Args:
        database_url: where both sides are read.
        current: as configured.
        proposed: for the same provider and window.
        now: the instant of both evaluations.
        names: renames rounds of the provider in the proposed evaluation.

    Raises:
        Unavailable: the database cannot be reached.
        Contradiction: a comparison does not conserve its rows.
    """
    scan = scan_renamed(current.provider, names) if names else None
    before = _evaluate(database_url, current, now, None)
    after = _evaluate(database_url, proposed, now, scan)
    return compare_breaks(before, after)


def compare_breaks(before: Evaluation, after: Evaluation) -> WhatIfEffect:
    """Compare the breaks of two evaluations."""
    old = {break_.id: break_ for break_ in before.breaks}
    new = {break_.id: break_ for break_ in after.breaks}
    return WhatIfEffect(
        before=len(old),
        after=len(new),
        hidden=tuple(break_ for id_, break_ in old.items() if id_ not in new),
        opened=tuple(break_ for id_, break_ in new.items() if id_ not in old),
        changed=tuple(
            (break_, new[id_])
            for id_, break_ in old.items()
            if id_ in new and new[id_].difference != break_.difference
        ),
        residuals=after.comparison.residuals,
    )


def _evaluate(
    database_url: str, request: RunRequest, now: datetime, scan: Scan | None
) -> Evaluation:
    with engine_at(database_url, pool_size=1) as engine, engine.connect() as connection:
        connection.execute(text("SET TRANSACTION READ ONLY"))
        return evaluate(database_url, connection, request, now=now, scan=scan)


def scan_renamed(provider: str, names: RoundNames) -> Scan:
    """Return a scan of the whole window with some rounds of the provider renamed."""
    keys = {match_key(provider, old): match_key(provider, new) for old, new in names.items()}

    def scan(snapshot: Snapshot, _open_keys: Keys) -> ScanResult:
        sides = snapshot.key_rows()
        renamed_keys = np.array([*keys, *keys.values()], dtype=np.int64)
        context = snapshot.context
        comparison = compare(
            Sides(ours=sides.ours, theirs=_rekeyed(sides.theirs, keys)),
            suspect=np.union1d(snapshot.straddling_keys(), renamed_keys),
            fetch=_fetch_renamed(snapshot.records, keys, names),
            context=context,
            edge_keys=find_edge_keys(snapshot.timed_rows, snapshot.window, context.rules),
        )
        return ScanResult(comparison=comparison, whole=True)

    return scan


def _rekeyed(theirs: pd.DataFrame, keys: Mapping[int, int]) -> pd.DataFrame:
    renamed = theirs.assign(match_key=_replaced(theirs["match_key"].to_numpy(), keys))
    return KEYS.check(renamed.sort_values("match_key", kind="stable", ignore_index=True))


def _replaced(match_keys: Keys, keys: Mapping[int, int]) -> Keys:
    replaced = match_keys.copy()
    for old, new in keys.items():
        replaced[match_keys == old] = new
    return replaced


def _fetch_renamed(fetch: Fetch, keys: Mapping[int, int], names: RoundNames) -> Fetch:
    def fetch_renamed(requested: Keys) -> RecordSides:
        requested_keys = set(requested.tolist())
        old_keys = [old for old, new in keys.items() if new in requested_keys]
        fetched = fetch(np.union1d(requested, np.array(old_keys, dtype=np.int64)))
        ours = _with_names(fetched.ours, {})
        theirs = _with_names(fetched.theirs, names).assign(
            match_key=_replaced(fetched.theirs["match_key"], keys)
        )
        ours, theirs = (
            RECORDS.check(side.where(np.isin(side["match_key"], requested)))
            for side in (ours, theirs)
        )
        # A round may be shared under its new name alone.
        return split_player_shares(RecordSides(ours=ours, theirs=theirs))

    return fetch_renamed


def _with_names(records: Columns, names: RoundNames) -> Columns:
    """Name records by their rounds, not by shares of players, and rename some rounds."""
    rounds = [round_of(name) for name in python_values(records["round_id"])]
    renamed = pd.Series([names.get(name, name) for name in rounds], dtype="str")
    return records.assign(round_id=array_of(renamed))
