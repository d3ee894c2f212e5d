"""The pack as CSV: exact decimal text, and text that no spreadsheet takes for a formula."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from reports.grids import Amount, Value, grids
from reports.pack import Pack

#: First characters that make a spreadsheet read a cell as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

BREAK_COLUMNS = (
    "id",
    "kind",
    "impact",
    "player",
    "currency",
    "round_id",
    "ours_stake",
    "ours_payout",
    "theirs_stake",
    "theirs_payout",
    "difference",
    "first_seen",
    "run_id",
    "explanation",
)
TOTAL_COLUMNS = ("provider", "game", "currency", "rounds", "stake", "payout", "ggr")


def write_tables(pack: Pack, folder: Path, name: str) -> tuple[Path, ...]:
    """Write the open breaks, the totals and every grid; returns the paths."""
    breaks, totals = folder / f"{name}-breaks.csv", folder / f"{name}-totals.csv"
    _write(breaks, BREAK_COLUMNS, _break_rows(pack))
    _write(totals, TOTAL_COLUMNS, _total_rows(pack))
    paths = [breaks, totals]
    for grid in grids(pack):
        paths.append(folder / f"{name}-{grid.slug}.csv")
        columns = [heading for heading, _ in grid.columns]
        _write(paths[-1], columns, ([_cell(pack, each) for each in row] for row in grid.rows))
    return tuple(paths)


def harmless(text: str) -> str:
    """The text, behind an apostrophe where a spreadsheet would run it."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _cell(pack: Pack, value: Value) -> str | int:
    if isinstance(value, Amount):
        return f"{pack.amount(value.minor, value.currency):f}"
    return harmless(value) if isinstance(value, str) else value


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)


def _break_rows(pack: Pack) -> Iterable[Sequence[object]]:
    for each in pack.breaks:
        ours, theirs = each.ours or {}, each.theirs or {}
        yield (
            each.break_id,
            each.kind,
            each.impact,
            harmless(each.player),
            each.currency,
            harmless(each.round_id),
            *(ours.get("stake", ""), ours.get("payout", "")),
            *(theirs.get("stake", ""), theirs.get("payout", "")),
            f"{pack.amount(each.difference, each.currency):f}",
            each.first_seen.isoformat(),
            each.run_id,
            harmless(each.explanation),
        )


def _total_rows(pack: Pack) -> Iterable[Sequence[object]]:
    for each in pack.totals:
        amounts = (each.stake, each.payout, each.ggr)
        yield (
            pack.provider,
            harmless(each.game),
            each.currency,
            each.rounds,
            *(f"{pack.amount(minor, each.currency):f}" for minor in amounts),
        )
