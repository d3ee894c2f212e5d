"""Rules that a person proposes for a comparison, and which breaks they would hide or open."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from ops.providers.configured import configured_provider
from ops.providers.maturity import maturity_now
from ops.providers.reconcile_inputs import rules_of
from ops.settings.durations import parse_duration
from ops.settings.model import ProviderSettings
from reconcile.findings.breaks import Break
from reconcile.runs.request import RunRequest
from reconcile.runs.result import break_json
from reconcile.runs.what_if import WhatIfEffect
from vocabulary.clock import Clock, iso
from vocabulary.currencies import digits_of, is_currency
from vocabulary.maturity import RecordKind, as_ages
from vocabulary.money import minor_from_text, text_from_minor
from vocabulary.window import Window

#: What can be proposed, as ``--set`` names it.
KNOWN = (
    "maturity, maturity.KIND, open_after, within, clear_by, group_max, attributes,"
    " tolerance.CURRENCY, round.THEIRS"
)


def base_request(
    url: str,
    entry: ProviderSettings,
    window: Window,
    *,
    clock: Clock,
    maturity: timedelta | None = None,
) -> RunRequest:
    """What a run would compare now, without the provider's log; nothing is stored.

    Args:
        url: of the books.
        entry: the provider's settings.
        window: what is compared.
        clock: tells the maturity that was learned until now.
        maturity: rows younger than this are timing; None: as learned and set.
    """
    provider = configured_provider(entry)
    return RunRequest(
        provider=entry.slug,
        window=window,
        maturity=maturity_now(url, entry, clock).ages if maturity is None else maturity,
        exponents=provider.provider.exponents,
        open_after=provider.open_after,
        rules=rules_of(provider),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedRules:
    """The proposed request, and rounds of the provider renamed to ours."""

    request: RunRequest
    names: Mapping[str, str] = field(default_factory=dict)


def proposed(base: RunRequest, sets: list[str]) -> ProposedRules:
    """Return the request with each ``name=value`` set.

    Raises:
        ValueError: an unknown name, or a value that does not fit it.
        Malformed: an amount that its currency cannot have.
    """
    proposal = ProposedRules(request=base)
    for rule in sets:
        name, equals, value = rule.partition("=")
        if not equals or not value:
            raise ValueError(f"{rule!r}: name=value is expected")
        proposal = _set(proposal, name, value)
    return proposal


def _set(proposal: ProposedRules, name: str, value: str) -> ProposedRules:
    request = proposal.request
    kind, _, subject = name.partition(".")
    if kind == "maturity" and subject in list(RecordKind):
        age = _read(parse_duration, name, value)
        ages = replace(as_ages(request.maturity), **{subject: age})
        return replace(proposal, request=replace(request, maturity=ages))
    if name in {"maturity", "open_after"}:
        age = {name: _read(parse_duration, name, value)}
        return replace(proposal, request=replace(request, **age))
    if name in _RULES:
        rules = replace(request.rules, **{name: _read(_RULES[name], name, value)})
    elif kind == "tolerance" and is_currency(subject):
        digits = digits_of(subject, request.exponents)
        minor = minor_from_text(value, digits, path=name)
        if minor < 0:
            raise ValueError(f"{name}: an amount that is not below zero is expected")
        rules = replace(request.rules, tolerance={**request.rules.tolerance, subject: minor})
    elif kind == "round" and subject:
        return replace(proposal, names={**proposal.names, subject: value})
    else:
        raise ValueError(f"{name!r} is no rule; {KNOWN} are")
    return replace(proposal, request=replace(request, rules=rules))


def _flag(value: str) -> bool:
    if value not in {"true", "false"}:
        raise ValueError("true or false")
    return value == "true"


def _count(value: str) -> int:
    if not value.isascii() or not value.isdigit() or not 0 < int(value) <= 1_000:
        raise ValueError("a whole number from 1 to 1000")
    return int(value)


_RULES: Mapping[str, Callable[[str], Any]] = {
    "attributes": _flag,
    "within": parse_duration,
    "clear_by": parse_duration,
    "group_max": _count,
}


def _read(reader: Callable[[str], Any], name: str, value: str) -> Any:
    try:
        return reader(value)
    except ValueError as error:
        raise ValueError(f"{name}: {error} is expected, not {value!r}") from error


def effect_json(effect: WhatIfEffect, base: RunRequest, sets: list[str]) -> dict[str, Any]:
    """What ``--json`` prints."""
    return {
        "provider": base.provider,
        "window": {
            "from": iso(base.window.start),
            "to": iso(base.window.end),
        },
        "set": list(sets),
        "before": effect.before,
        "after": effect.after,
        "hidden": [break_json(break_, base.exponents) for break_ in effect.hidden],
        "opened": [break_json(break_, base.exponents) for break_ in effect.opened],
        "changed": [
            {"id": old.id, "kind": str(old.kind), "round_key": old.round_id}
            | {"now": difference_text(old, base), "proposed": difference_text(new, base)}
            for old, new in effect.changed
        ],
        "residual": {
            code: text_from_minor(minor, digits_of(code, base.exponents))
            for code, minor in effect.residuals.items()
        },
    }


def difference_text(break_: Break, base: RunRequest) -> str:
    """The difference of a break as decimal text."""
    return text_from_minor(break_.difference, digits_of(break_.currency, base.exponents))
