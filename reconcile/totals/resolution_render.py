"""Shares of what was explained, for programs."""

from collections.abc import Mapping
from typing import Any

from reconcile.totals.resolution_rate import Explained, Share, percent
from vocabulary.clock import iso
from vocabulary.money import exponent_of, text_from_minor


def explained_json(told: Explained, exponents: Mapping[str, int]) -> dict[str, Any]:
    """One provider, as ``tieout explained --json`` prints it."""
    return {
        "provider": told.provider,
        "window": {"from": iso(told.window.start), "to": iso(told.window.end)},
        "at": iso(told.at),
        "rows": told.rows,
        "open": told.open,
        "within": {each.horizon: _share_json(each, exponents) for each in told.shares},
    }


def _share_json(share: Share, exponents: Mapping[str, int]) -> dict[str, Any]:
    money = {
        code: {
            "due": text_from_minor(due, exponent_of(code, exponents)),
            "explained": text_from_minor(done, exponent_of(code, exponents)),
            "percent": percent(done, due),
        }
        for code, (done, due) in share.money.items()
    }
    return {
        "due": share.due,
        "explained": share.explained,
        "percent": percent(share.explained, share.due),
        "money": money,
    }
