"""Shares of what was explained, for programs and for Prometheus."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconcile.explained import Explained, Share, percent
from reconcile.result import iso
from vocabulary.money import exponent_of, text_from_minor

_HELP = {
    "rows_due": "Rows whose horizon has passed.",
    "rows_explained": "Rows that were explained within their horizon.",
    "money_due_minor": "Stake and payout of rows whose horizon has passed, minor units.",
    "money_explained_minor": "The same of rows explained within their horizon, minor units.",
    "rows": "Rows of the window, young ones included.",
    "rows_open": "Rows that nothing explains so far.",
}


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


def explained_metrics(all_told: Iterable[Explained]) -> str:
    """All providers in Prometheus' text format: counts, so that shares can be added up."""
    lines: dict[str, list[str]] = {name: [] for name in _HELP}
    for told in all_told:
        for name, labels, value in _samples(told):
            said = ",".join(f'{key}="{label}"' for key, label in labels.items())
            lines[name].append(f"tieout_explained_{name}{{{said}}} {value}")
    return "".join(f"{line}\n" for name in _HELP for line in _family(name, lines[name]))


def _family(name: str, samples: list[str]) -> list[str]:
    heading = f"tieout_explained_{name}"
    return [f"# HELP {heading} {_HELP[name]}", f"# TYPE {heading} gauge", *samples]


def _samples(told: Explained) -> Iterator[tuple[str, dict[str, str], int]]:
    named = {"provider": told.provider}
    yield "rows", named, told.rows
    yield "rows_open", named, told.open
    for share in told.shares:
        within = {**named, "within": share.horizon}
        yield "rows_due", within, share.due
        yield "rows_explained", within, share.explained
        for code, (done, due) in share.money.items():
            yield "money_due_minor", {**within, "currency": code}, due
            yield "money_explained_minor", {**within, "currency": code}, done
