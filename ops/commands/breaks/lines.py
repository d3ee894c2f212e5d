"""Breaks as lines of at most 80 columns, with a total. Pure."""

import textwrap
from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from breaks.corrections.trials import current_trial
from breaks.impact import Effects
from breaks.kinds import impact_of
from breaks.lists.groups import BreakGroup
from breaks.standing import count_standings, counts_text
from breaks.states import BreakState
from breaks.store import TrackedBreak
from ops.settings.break_policy import exponents_of
from ops.settings.model import Settings
from reports.find.short_ids import short_id
from reports.grid import who_owes
from vocabulary.money import Money
from vocabulary.plurals import counted, plural
from vocabulary.zones import zone_note, zone_of

#: The width of a line, whatever the terminal's is.
WIDTH = 80
_PROVIDER, _PLAYER, _AMOUNT = 16, 18, 18
_STATES = {"adjustment_proposed": "proposed", "write_off_proposed": "proposed"}


def list_lines(breaks: Sequence[TrackedBreak], settings: Settings) -> list[str]:
    """Two lines for each break, then a total for each currency."""
    if not breaks:
        return ["no breaks"]
    zones = {entry.slug: entry.timezone for entry in settings.providers}
    names = [break_.break_id for break_ in breaks]
    lines = [
        line
        for break_ in breaks
        for line in _two_lines(break_, short_id(break_.break_id, names), zones, settings)
    ]
    note = zone_note(zones, (break_.provider for break_ in breaks))
    return [*lines, *total_lines(breaks, settings), *(wrapped(note) if note else ())]


def total_lines(breaks: Sequence[TrackedBreak], settings: Settings) -> list[str]:
    """How many breaks there are, each standing counted apart, and their money by currency."""
    counts = counts_text(count_standings(break_.standing for break_ in breaks))
    lines = [f"total: {counted(len(breaks), 'break')}: {counts}"]
    for provider, currency in sorted({(b.provider, b.currency) for b in breaks}):
        exponents = exponents_of(settings, provider)
        effects = [
            b.effects for b in breaks if (b.provider, b.currency) == (provider, currency)
        ]
        money = _effects_text(effects, currency, exponents)
        lines += wrapped(f"{provider} {currency}: {money}", indent="  ")
    return lines


def trial_summary(break_: TrackedBreak) -> str:
    """What the correction does, in a few words; empty if none is proposed."""
    trial = current_trial(break_)
    if trial is None or break_.state is BreakState.POSTED:
        return ""
    counts = f"closes {len(trial['closes'])}, opens {len(trial['opens'])}"
    overruled = ", ".join(trial["overruled"])
    return f"{counts}, overrules {overruled}" if overruled else counts


def group_lines(group: BreakGroup[TrackedBreak], settings: Settings) -> list[str]:
    """One line for a group, with its count and sum, and its likely cause below."""
    exponents = exponents_of(settings, group.provider)
    sums = ", ".join(
        f"{signed(total.difference, total.currency, exponents)} {total.currency}"
        for total in group.sums
    )
    noun = plural(len(group.breaks), "break")
    head = f"{group.group_id[:12]}  {len(group.breaks):>5} {noun:6}  {sums}"
    return [_cut(head, WIDTH), *wrapped(group.sentence, indent="  ")]


def wrapped(sentence: str, *, indent: str = "", width: int = WIDTH) -> list[str]:
    """A text in lines of at most this many columns; words are cut only where they must be."""
    return textwrap.wrap(sentence, width, initial_indent=indent, subsequent_indent=indent) or [
        indent
    ]


def signed(minor: int, currency: str, exponents: Mapping[str, int]) -> str:
    """An amount with its sign; zero has none."""
    text = Money(minor, currency).text(exponents=exponents)
    return f"+{text}" if minor > 0 else text


def _two_lines(
    break_: TrackedBreak, name: str, zones: Mapping[str, str], settings: Settings
) -> list[str]:
    exponents = exponents_of(settings, break_.provider)
    amount = f"{signed(break_.difference, break_.currency, exponents)} {break_.currency}"
    zone = ZoneInfo(zone_of(zones, break_.provider))
    day = "" if break_.began_at is None else f"{break_.began_at.astimezone(zone):%Y-%m-%d}"
    state = _STATES.get(break_.state, str(break_.state)).replace("_", " ")
    # A long amount takes its columns from the player's name.
    player_width = _PLAYER - max(0, len(amount) - _AMOUNT)
    first = " ".join(
        [
            f"{name:<12}",
            f"{day:<10}",
            f"{_cut(break_.provider, _PROVIDER):<{_PROVIDER}}",
            f"{_cut(break_.player or '', player_width):<{player_width}}",
            f"{amount:>{_AMOUNT}}",
        ]
    )
    about = [
        state,
        break_.kind.replace("_", " "),
        who_owes(str(impact_of(break_.effects.player)), break_.effects.invoice),
        *([f"for {break_.assignee}"] if break_.assignee else []),
    ]
    tried = trial_summary(break_)
    if tried:
        about.append(tried)
    second = f"  {' · '.join(about)} · round {break_.round_id}"
    return [_cut(first.rstrip(), WIDTH), _cut(second, WIDTH)]


def _effects_text(
    effects: Sequence[Effects], currency: str, exponents: Mapping[str, int]
) -> str:
    owed = sum(effect.player for effect in effects if effect.player > 0)
    owing = -sum(effect.player for effect in effects if effect.player < 0)
    invoice = sum(effect.invoice for effect in effects)
    amounts = [Money(minor, currency).text(exponents=exponents) for minor in (owed, owing)]
    return (
        f"we owe players {amounts[0]}, players owe us {amounts[1]},"
        f" invoice {signed(invoice, currency, exponents)}"
    )


def _cut(text: str, width: int) -> str:
    """A text of at most this many columns, with an ellipsis in its middle if it is longer."""
    if len(text) <= width:
        return text
    head = (width - 1) // 2
    return f"{text[:head]}…{text[len(text) - (width - 1 - head) :]}"
