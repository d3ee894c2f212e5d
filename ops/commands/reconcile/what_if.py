"""``tieout reconcile what-if``: which breaks a proposed rule would hide or open."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.table import Table

from ops.commands.json_output import print_json
from ops.commands.options import AsJson, Provider
from ops.commands.reconcile.comparison_terms import comparison_of
from ops.commands.tables import print_table
from ops.context import Context, context_of
from ops.providers.reconcile_inputs import reader_of
from ops.settings.durations import parse_duration
from reconcile.findings.breaks import Break
from reconcile.runs.request import RunRequest
from reconcile.runs.result import break_json
from reconcile.runs.what_if import WhatIfEffect, what_if
from vocabulary.clock import Clock, SystemClock, iso
from vocabulary.errors import Malformed
from vocabulary.maturity import RecordKind, as_ages
from vocabulary.money import exponent_of, is_currency, minor_from_text, text_from_minor

#: What can be proposed, as ``--set`` names it.
KNOWN = (
    "maturity, maturity.KIND, open_after, within, clear_by, group_max, attributes,"
    " tolerance.CURRENCY, round.THEIRS"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedRules:
    """The proposed request, and rounds of the provider renamed to ours."""

    request: RunRequest
    names: Mapping[str, str] = field(default_factory=dict)


def show(
    ctx: typer.Context,
    *,
    provider: Provider,
    days: Annotated[int, typer.Option(min=1, max=366, help="How many days back.")] = 7,
    rules: Annotated[
        list[str], typer.Option("--set", help="name=value, e.g. maturity=30m; repeatable.")
    ],
    as_json: AsJson = False,
) -> None:
    """Show which breaks other rules would hide or open; nothing is stored."""
    context, clock = context_of(ctx), SystemClock()
    now = clock.now()
    window = _days(context, provider, days, clock)
    comparison = comparison_of(context, provider, window, None, clock)
    base = replace(comparison.request, read_logged=reader_of(comparison.configured))
    try:
        proposal = proposed(base, rules)
    except (ValueError, Malformed) as error:
        raise typer.BadParameter(str(error), param_hint="--set") from error
    effect = what_if(comparison.url, base, proposal.request, now=now, names=proposal.names)
    if as_json:
        print_json(effect_json(effect, base, rules), indent=2)
    else:
        _print(effect, base)


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
        digits = exponent_of(subject, request.exponents)
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


def _days(context: Context, provider: str, days: int, clock: Clock) -> tuple[str, str]:
    """The last days, from the midnight they begin with, in the provider's zone, until now."""
    zones = [entry.timezone for entry in context.settings.providers if entry.slug == provider]
    zone = ZoneInfo(zones[0] if zones else "UTC")
    now = clock.now()
    first = now.astimezone(zone).date() - timedelta(days=days)
    return datetime.combine(first, time(), tzinfo=zone).isoformat(), now.isoformat()


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
            | {"now": _amount(old, base), "proposed": _amount(new, base)}
            for old, new in effect.changed
        ],
        "residual": {
            code: text_from_minor(minor, exponent_of(code, base.exponents))
            for code, minor in effect.residuals.items()
        },
    }


def _amount(break_: Break, base: RunRequest) -> str:
    return text_from_minor(break_.difference, exponent_of(break_.currency, base.exponents))


def _print(effect: WhatIfEffect, base: RunRequest) -> None:
    table = Table("", "kind", "round", "player", "difference", "break")
    breaks = [("hidden", break_) for break_ in effect.hidden]
    breaks += [("opened", break_) for break_ in effect.opened]
    breaks += [("changed", proposed_) for _, proposed_ in effect.changed]
    for change, break_ in breaks:
        amount = f"{_amount(break_, base)} {break_.currency}"
        cells = (break_.kind, break_.round_id, break_.player, amount, break_.id)
        table.add_row(change, *cells)
    if breaks:
        print_table(table)
    typer.echo(
        f"breaks now {effect.before}, proposed {effect.after}: {len(effect.hidden)} hidden,"
        f" {len(effect.opened)} opened, {len(effect.changed)} changed; nothing was stored"
    )
