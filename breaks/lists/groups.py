"""Breaks of one likely cause, grouped: a pure function from breaks to groups.

Every break is in exactly one group. Causes are tried in the order of ``BreakCause``: breaks
that share a cause form a group if there are enough of them, and the others are left to the next
cause. A break that shares no cause is a group of its own. Breaks of different parts never meet
in a group, so each part may be grouped by itself: see ``part_of``.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from hashlib import blake2b
from types import MappingProxyType
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

from breaks.kinds import BreakKind
from breaks.lists.traits import BreakTraits
from breaks.store import TrackedBreak

#: Kinds in which one side has something that never reached the other.
_LOST = frozenset(
    {
        BreakKind.MISSING_IN_LEDGER,
        BreakKind.MISSING_AT_PROVIDER,
        BreakKind.DELIVERY_MISSING,
        BreakKind.DELIVERY_DISPUTED,
    }
)


class BreakCause(StrEnum):
    """What breaks may have in common, the most telling first."""

    UNKNOWN_PLAYER = "unknown_player"
    UNREADABLE_FILE = "unreadable_file"
    LEFT_OUT = "left_out"
    MISSING_DAY = "missing_day"
    OUTAGE = "outage"
    GAME = "game"
    PLAYER = "player"
    ALONE = "alone"


#: A break as a list reads it, or only what decides about its group.
GroupableBreak = TrackedBreak | BreakTraits
_Break = TypeVar("_Break", TrackedBreak, BreakTraits)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupContext:
    """What the causes need to know besides the breaks.

    Attributes:
        zones: the IANA zone of each provider's business days, by slug. One that is not
            configured has no business days.
        silent_days: business days for which a provider reported no record at all.
    """

    zones: Mapping[str, str]
    silent_days: frozenset[tuple[str, date]] = frozenset()

    def day_of(self, break_: GroupableBreak) -> date | None:
        """The provider's business day on which it began, if that and the zone are known."""
        zone = self.zones.get(break_.provider)
        if break_.began_at is None or zone is None:
            return None
        return break_.began_at.astimezone(ZoneInfo(zone)).date()


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSum:
    """The money of a group in one currency, signed minor units.

    Attributes:
        difference: the sum; ``gross``: the sum of the unsigned differences.
        player: what we owe players, less what they owe us.
        invoice: the provider's GGR less ours.
    """

    currency: str
    difference: int
    gross: int
    player: int
    invoice: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakGroup(Generic[_Break]):
    """Breaks of one provider that have a likely cause in common.

    Attributes:
        group_id: the same while provider, cause and subject are, whatever breaks it holds.
        subject: the file, day, minute, game or player that they share; may be empty.
        sentence: the likely cause and what to do about it.
    """

    group_id: str
    provider: str
    cause: BreakCause
    subject: str
    sentence: str
    breaks: tuple[_Break, ...]

    @property
    def sums(self) -> tuple[GroupSum, ...]:
        """The money by currency."""
        currencies = sorted({break_.currency for break_ in self.breaks})
        return tuple(_sum(currency, self.breaks) for currency in currencies)


#: The subject that a break shares with others of its cause; None if the cause does not apply.
_Subject = Callable[[GroupableBreak, GroupContext], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """How one cause is recognised.

    Attributes:
        by_kind: breaks of different kinds are different groups.
        least: the fewest breaks of a group; ``players``: the fewest different players.
        sentence: formatted with count, players, provider, subject and kind.
    """

    subject: _Subject
    sentence: str
    by_kind: bool = False
    least: int = 2
    players: int = 1


def _unknown_player(break_: GroupableBreak, _: GroupContext) -> str | None:
    is_unknown = bool(break_.player) and not break_.player_known
    return "" if is_unknown and break_.kind is not BreakKind.UNPARSABLE else None


def _missing_day(break_: GroupableBreak, context: GroupContext) -> str | None:
    if break_.kind is not BreakKind.MISSING_AT_PROVIDER:
        return None
    day = context.day_of(break_)
    if day is None or (break_.provider, day) not in context.silent_days:
        return None
    return day.isoformat()


def _minute(break_: GroupableBreak, _: GroupContext) -> str | None:
    if break_.kind not in _LOST or break_.began_at is None:
        return None
    minute = break_.began_at.astimezone(UTC).replace(tzinfo=None, second=0, microsecond=0)
    return f"{minute.isoformat(' ', 'minutes')} UTC"


_RULES: Mapping[BreakCause, _Rule] = MappingProxyType(
    {
        BreakCause.UNKNOWN_PLAYER: _Rule(
            subject=_unknown_player,
            sentence="{provider} names players whom we do not know: import them or register"
            " their handles, then reconcile again.",
            least=1,
        ),
        BreakCause.UNREADABLE_FILE: _Rule(
            subject=lambda break_, _: break_.unreadable_file,
            sentence="Lines of {subject} could not be read: mend the mapping or ask {provider}"
            " for the file again.",
            least=1,
        ),
        BreakCause.LEFT_OUT: _Rule(
            subject=lambda break_, _: break_.left_out_of,
            sentence="{provider} once reported these and then left them out in {subject}: ask"
            " whether they were cancelled.",
            least=1,
        ),
        BreakCause.MISSING_DAY: _Rule(
            subject=_missing_day,
            sentence="{provider} reported nothing at all for {subject}: a file or a pull is"
            " missing.",
            least=1,
        ),
        BreakCause.OUTAGE: _Rule(
            subject=_minute,
            sentence="{kind} for {players} players in the minute {subject}: look for an outage"
            " between {provider} and us.",
            by_kind=True,
            players=2,
        ),
        BreakCause.GAME: _Rule(
            subject=lambda break_, _: break_.game,
            sentence="{kind} for {players} players in one game, {subject}: ask {provider} what"
            " changed in the game.",
            by_kind=True,
            least=3,
            players=2,
        ),
        BreakCause.PLAYER: _Rule(
            subject=lambda break_, _: break_.player or None,
            sentence="{kind} more than once for one player, {subject}: look at the player's"
            " session and wallet first.",
            by_kind=True,
        ),
        BreakCause.ALONE: _Rule(
            subject=lambda break_, _: break_.break_id,
            sentence="No other break shares a cause with it.",
            least=1,
        ),
    }
)


#: The causes that breaks share, and those of them that a break has whatever others there are.
_SHARED = tuple(cause for cause in _RULES if cause is not BreakCause.ALONE)
_BY_ITSELF = tuple(
    cause for cause in _SHARED if _RULES[cause].least == _RULES[cause].players == 1
)


def group_breaks(breaks: Iterable[_Break], context: GroupContext) -> list[BreakGroup[_Break]]:
    """Group breaks by cause; the largest groups first, every break in exactly one."""
    groups, rest = shared_causes(breaks, context)
    groups += [group_alone(break_) for break_ in rest]
    return sorted(groups, key=lambda group: (-len(group.breaks), group.group_id))


def shared_causes(
    breaks: Iterable[_Break], context: GroupContext
) -> tuple[list[BreakGroup[_Break]], list[_Break]]:
    """The groups of breaks that share a cause, in any order, and the breaks that share none."""
    groups: list[BreakGroup[_Break]] = []
    rest = sorted(breaks, key=lambda break_: (_began(break_), break_.break_id))
    for cause in _SHARED:
        chosen = _of_cause(cause, rest, context)
        groups += chosen
        grouped = {break_.break_id for group in chosen for break_ in group.breaks}
        rest = [break_ for break_ in rest if break_.break_id not in grouped]
    return groups, rest


def group_alone(break_: _Break) -> BreakGroup[_Break]:
    """The group of a break that shares no cause."""
    key = (break_.provider, "", break_.break_id)
    return _group(BreakCause.ALONE, _RULES[BreakCause.ALONE], key, [break_])


def part_of(break_: GroupableBreak, context: GroupContext) -> tuple[str, ...]:
    """Names a part of all breaks: those of any other part are in other groups.

    Either a cause that the break has by itself, or its provider and kind.
    """
    for cause in _BY_ITSELF:
        subject = _RULES[cause].subject(break_, context)
        if subject is not None:
            return break_.provider, cause, subject
    return break_.provider, break_.kind


def _of_cause(
    cause: BreakCause, breaks: Iterable[_Break], context: GroupContext
) -> list[BreakGroup[_Break]]:
    rule = _RULES[cause]
    parts: dict[tuple[str, str, str], list[_Break]] = defaultdict(list)
    for break_ in breaks:
        subject = rule.subject(break_, context)
        if subject is not None:
            kind = str(break_.kind) if rule.by_kind else ""
            parts[break_.provider, kind, subject].append(break_)
    return [
        _group(cause, rule, key, members)
        for key, members in parts.items()
        if len(members) >= rule.least and _players(members) >= rule.players
    ]


def _group(
    cause: BreakCause, rule: _Rule, key: tuple[str, str, str], members: Sequence[_Break]
) -> BreakGroup[_Break]:
    provider, kind, subject = key
    digest = blake2b("\0".join((cause, *key)).encode(), digest_size=10).hexdigest()
    sentence = rule.sentence.format(
        provider=provider,
        kind=kind.replace("_", " ").capitalize(),
        subject=subject,
        players=_players(members),
    )
    return BreakGroup(
        group_id=f"grp-{digest}",
        provider=provider,
        cause=cause,
        subject="" if cause is BreakCause.ALONE else subject,
        sentence=sentence,
        breaks=tuple(members),
    )


def _players(breaks: Iterable[GroupableBreak]) -> int:
    return max(1, len({break_.player for break_ in breaks if break_.player}))


def _began(break_: GroupableBreak) -> datetime:
    return break_.began_at or break_.first_seen


def _sum(currency: str, breaks: Iterable[GroupableBreak]) -> GroupSum:
    of_currency = [break_ for break_ in breaks if break_.currency == currency]
    effects = [break_.effects for break_ in of_currency]
    return GroupSum(
        currency=currency,
        difference=sum(break_.difference for break_ in of_currency),
        gross=sum(abs(break_.difference) for break_ in of_currency),
        player=sum(effect.player for effect in effects),
        invoice=sum(effect.invoice for effect in effects),
    )
