"""The pass for one row that stands for several: 1:N and N:1.

A provider may tell in one line what reached us as several rounds, or the reverse. Rows of one
(player, currency), which is this pass's partition, answer for one row of the other side when
they follow each other without a gap, lie within the rules' span of it, and add up to it exactly
in stake and in payout. Only where exactly one such run exists and nobody else could claim a row
of it; everything else is left.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from reconcile.frames import PAIRS
from reconcile.pass_attributes import FREE
from reconcile.rules import Rules

#: The tie of rows that together stand for one row of the other side.
GROUP = "group"

_OTHER = {"ours": "theirs", "theirs": "ours"}
_US = pd.Timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class _Row:
    """One one-sided row: its label, name, amounts, first balance, and instant in us."""

    label: int
    round_id: str
    stake: int
    payout: int
    before: int | None
    at: int


@dataclass(frozen=True, slots=True)
class _Claim:
    """One row and a run of rows of the other side that add up to it."""

    one: _Row
    run: tuple[_Row, ...]


def by_sums(pairs: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Tie rows with the runs of rows that add up to them; see the module."""
    PAIRS.check(pairs)
    claims: list[_Claim] = []
    rows = {side: _rows(pairs, side) for side in _OTHER}
    for one_side, many_side in _OTHER.items():
        for key in sorted(rows[one_side].keys() & rows[many_side].keys()):
            claims += _claims(rows[one_side][key], rows[many_side][key], rules)
    group = pairs["group"].copy()
    for claim in _undisputed(claims):
        group.loc[[claim.one.label, *(row.label for row in claim.run)]] = claim.one.round_id
    tied = pairs["tie"].mask((group != "") & pairs["tie"].isin(FREE), GROUP)
    return PAIRS.check(pairs.assign(group=group, tie=tied))


def _rows(pairs: pd.DataFrame, side: str) -> dict[tuple[str, str], list[_Row]]:
    """The rows of a side that nothing ties, by player and currency, in order of time."""
    free = pairs[
        (pairs["side"] == side) & pairs["tie"].isin(FREE) & (pairs[f"extras_{side}"] == 0)
    ]
    at = (free[f"began_{side}"] - pd.Timestamp(0, tz="UTC")) // _US
    columns = [free.index, free["round_id"], free[f"stake_{side}"], free[f"payout_{side}"]]
    before = free[f"balance_before_{side}"]
    found: dict[tuple[str, str], list[_Row]] = {}
    for player, currency, told, *row in zip(
        free[f"player_{side}"], free["currency"], before, *columns, at, strict=True
    ):
        label, round_id, stake, payout, instant = row
        known = None if pd.isna(told) else int(told)
        found.setdefault((player, currency), []).append(
            _Row(label, round_id, int(stake), int(payout), known, int(instant))
        )
    for rows in found.values():
        rows.sort(key=lambda row: (row.at, row.round_id))
    return found


def _claims(ones: list[_Row], many: list[_Row], rules: Rules) -> Iterator[_Claim]:
    for one in ones:
        near = [row for row in many if abs(row.at - one.at) <= rules.within_us]
        for start in range(len(near)):
            for end in range(start + 2, min(start + rules.group_max, len(near)) + 1):
                run = tuple(near[start:end])
                if _adds_up(one, run):
                    yield _Claim(one, run)


def _adds_up(one: _Row, run: tuple[_Row, ...]) -> bool:
    same = sum(row.stake for row in run) == one.stake
    same = same and sum(row.payout for row in run) == one.payout
    known = one.before is not None and run[0].before is not None
    return same and (not known or one.before == run[0].before)


def _undisputed(claims: list[_Claim]) -> list[_Claim]:
    """Claims of which no row appears in any other."""
    named = Counter(
        label for claim in claims for label in (claim.one.label, *(r.label for r in claim.run))
    )
    return [
        claim
        for claim in claims
        if all(named[label] == 1 for label in (claim.one.label, *(r.label for r in claim.run)))
    ]
