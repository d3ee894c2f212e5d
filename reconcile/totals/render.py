"""Render totals as JSON and text, with amounts as exact decimal text."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from reconcile.totals.cells import Figures
from reconcile.totals.differences import DifferenceLine
from reconcile.totals.tie_out import Totals, TotalsRow
from vocabulary.clock import iso
from vocabulary.currencies import digits_of
from vocabulary.money import text_from_minor
from vocabulary.plurals import counted

Exponents = Mapping[str, int]


def totals_json(totals: Totals, by: tuple[str, ...], exponents: Exponents) -> dict[str, Any]:
    """Return what ``tieout totals --json`` prints, without the rounds."""
    return {
        "provider": totals.provider,
        "window": {"from": iso(totals.window.start), "to": iso(totals.window.end)},
        "timezone": totals.zone,
        "at": iso(totals.at),
        "by": list(by),
        "ties": totals.ties,
        "agrees": totals.agrees,
        "unposted_batches": totals.unposted,
        "totals": [row_json(row, by, exponents) for row in totals.by(*by)],
    }


def unposted_text(batches: int) -> str:
    """How many batches the totals leave out."""
    return f"{counted(batches, 'accepted batch is', 'accepted batches are')} not posted yet"


def row_json(row: TotalsRow, by: tuple[str, ...], exponents: Exponents) -> dict[str, Any]:
    """Return a row of totals; ``explained`` and ``residual`` add up to the GGR difference."""
    digits = digits_of(row.currency, exponents)
    return {
        **dict(zip(by, row.name, strict=True)),
        "currency": row.currency,
        "ours": figures_json(row.ours, digits),
        "theirs": figures_json(row.theirs, digits),
        "difference": figures_json(row.difference, digits),
        "of_ours": {
            "adjusted": text_from_minor(row.adjusted.ggr, digits),
            "funded": text_from_minor(row.funded.ggr, digits),
        },
        "explained": {
            cause: text_from_minor(ggr, digits) for cause, ggr in sorted(row.causes.items())
        },
        "residual": text_from_minor(row.residual, digits),
    }


def figures_json(figures: Figures, digits: int) -> dict[str, Any]:
    """Return counts as integers and amounts as decimal text."""
    return {
        **{name: getattr(figures, name) for name in ("rounds", "bets", "wins", "rollbacks")},
        **{
            name: text_from_minor(getattr(figures, name), digits)
            for name in ("stake", "payout", "ggr")
        },
    }


def rounds_json(totals: Totals, day: date, exponents: Exponents) -> list[dict[str, Any]]:
    """Return the rounds that make the differences of one day."""
    return [line_json(line, exponents) for line in totals.lines if line.cell.day == day]


def line_json(line: DifferenceLine, exponents: Exponents) -> dict[str, Any]:
    """Return one round that makes a difference; ``ggr`` is theirs less ours."""
    currency = line.cell.currency
    return {
        "day": str(line.cell.day),
        "game": line.cell.game,
        "currency": currency,
        "cause": line.cause,
        "ggr": text_from_minor(line.ggr, digits_of(currency, exponents)),
        "round_key": line.round_id,
        "alias": line.alias,
        "player": line.player,
        "break_id": line.break_id,
    }


def causes_text(causes: Mapping[str, int], digits: int) -> str:
    """Return the causes of a difference on one line."""
    return ", ".join(_cause_texts(causes, digits)) or "none"


def _cause_texts(causes: Mapping[str, int], digits: int) -> Iterable[str]:
    for cause, ggr in sorted(causes.items()):
        if ggr:
            yield f"{cause} {text_from_minor(ggr, digits)}"
