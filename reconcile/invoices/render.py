"""Render the check of an invoice as JSON, exact to the minor unit."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from reconcile.invoices.check import CheckedLine, InvoiceCheck
from reconcile.invoices.terms import Fee
from reconcile.totals.render import Exponents, line_json
from reconcile.totals.tie_out import Totals
from vocabulary.currencies import digits_of
from vocabulary.money import text_from_minor

ROUNDING = "the whole fee once, to the minor unit, half away from zero"


def check_json(check: InvoiceCheck, totals: Totals, exponents: Exponents) -> dict[str, Any]:
    """Return what ``tieout invoice check --json`` prints."""
    digits = check.digits
    amounts = {
        "claimed": check.invoice.fee,
        "ours": check.ours.total,
        "difference": check.difference,
        "by_ggr": check.by_ggr,
        "by_terms": check.by_terms,
    }
    return {
        "invoice": check.invoice.name,
        "provider": totals.provider,
        "currency": check.invoice.currency,
        "ties": check.ties,
        "fee": {name: text_from_minor(minor, digits) for name, minor in amounts.items()},
        "computed": _fee_json(check.ours, digits, exponents),
        "rounding": ROUNDING,
        "unposted_batches": totals.unposted,
        "lines": [_line_json(line, exponents) for line in check.checked],
    }


def _line_json(line: CheckedLine, exponents: Exponents) -> dict[str, Any]:
    """Return one line; its rounds are listed if claim and books differ."""
    digits = digits_of(line.currency, exponents)
    amounts = {
        "claimed": line.claimed,
        "ours": line.ours,
        "difference": line.difference,
        "explained": line.explained,
        "unexplained": line.unexplained,
        "theirs": line.theirs,
        "excluded": line.excluded,
    }
    differs = line.difference != 0
    return {
        "game": line.game,
        "currency": line.currency,
        **{name: text_from_minor(minor, digits) for name, minor in amounts.items()},
        "causes": _texts(line.causes, digits) if differs else {},
        "rounds": [line_json(line, exponents) for line in line.lines] if differs else [],
    }


def _fee_json(fee: Fee, digits: int, exponents: Exponents) -> dict[str, Any]:
    return {
        "basis": {
            code: text_from_minor(minor, digits_of(code, exponents))
            for code, minor in fee.basis.items()
        },
        "converted": exact_text(fee.converted),
        "share": exact_text(fee.shared),
        "fixed": text_from_minor(fee.fixed, digits),
        "minimum_applied": fee.minimum,
        "total": text_from_minor(fee.total, digits),
    }


def exact_text(value: Fraction) -> str:
    """Return all digits of a fraction whose denominator divides a power of ten."""
    digits = 0
    while (value * 10**digits).denominator != 1:
        digits += 1
    return text_from_minor(int(value * 10**digits), digits)


def _texts(causes: Mapping[str, int], digits: int) -> dict[str, str]:
    return {cause: text_from_minor(ggr, digits) for cause, ggr in causes.items()}
