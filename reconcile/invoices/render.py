"""The check of an invoice put into text, exact to the unit."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from reconcile.invoices.check import CheckedLine, InvoiceCheck
from reconcile.invoices.terms import Fee
from reconcile.totals.render import Exponents, line_json
from reconcile.totals.tie_out import Totals
from vocabulary.money import exponent_of, text_from_minor

ROUNDING = "the whole fee once, to the minor unit, half away from zero"


def check_json(check: InvoiceCheck, told: Totals, exponents: Exponents) -> dict[str, Any]:
    """What ``tieout invoice check --json`` prints."""
    digits = exponent_of(check.invoice.currency)
    amounts = {
        "claimed": check.invoice.fee,
        "ours": check.ours.total,
        "difference": check.difference,
        "by_ggr": check.by_ggr,
        "by_terms": check.by_terms,
    }
    return {
        "invoice": check.invoice.name,
        "provider": told.provider,
        "currency": check.invoice.currency,
        "ties": check.ties,
        "fee": {name: text_from_minor(minor, digits) for name, minor in amounts.items()},
        "computed": _fee_json(check.ours, digits, exponents),
        "rounding": ROUNDING,
        "unposted_batches": told.unposted,
        "lines": [checked_json(each, exponents) for each in check.checked],
    }


def checked_json(each: CheckedLine, exponents: Exponents) -> dict[str, Any]:
    """One line; its rounds are told where claim and books differ."""
    digits = exponent_of(each.currency, exponents)
    amounts = {
        "claimed": each.claimed,
        "ours": each.ours,
        "difference": each.difference,
        "explained": each.explained,
        "unexplained": each.unexplained,
        "theirs": each.theirs,
        "excluded": each.excluded,
    }
    differs = each.difference != 0
    return {
        "game": each.game,
        "currency": each.currency,
        **{name: text_from_minor(minor, digits) for name, minor in amounts.items()},
        "causes": _texts(each.causes, digits) if differs else {},
        "rounds": [line_json(line, exponents) for line in each.lines] if differs else [],
    }


def _fee_json(fee: Fee, digits: int, exponents: Exponents) -> dict[str, Any]:
    return {
        "basis": {
            code: text_from_minor(minor, exponent_of(code, exponents))
            for code, minor in fee.basis.items()
        },
        "converted": exact_text(fee.converted),
        "share": exact_text(fee.shared),
        "fixed": text_from_minor(fee.fixed, digits),
        "minimum_applied": fee.minimum,
        "total": text_from_minor(fee.total, digits),
    }


def exact_text(value: Fraction) -> str:
    """A fraction as a decimal with all its digits: its denominator divides a power of ten."""
    digits = 0
    while (value * 10**digits).denominator != 1:
        digits += 1
    return text_from_minor(int(value * 10**digits), digits)


def _texts(causes: Mapping[str, int], digits: int) -> dict[str, str]:
    return {cause: text_from_minor(ggr, digits) for cause, ggr in causes.items()}
