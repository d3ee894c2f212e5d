"""Breaks of one likely cause, grouped: a pure function from breaks to groups.

Every break is in exactly one group. Causes are tried in the order of ``BreakCause``: breaks
that share a cause form a group if there are enough of them, and the others are left to the next
cause. A break that shares no cause is a group of its own.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from hashlib import blake2b
from types import MappingProxyType
from zoneinfo import ZoneInfo

from breaks.kinds import BreakKind
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


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupContext:
    """What the causes need to know besides the breaks.

    Attributes:
        zones: the IANA zone of each provider's business days, by slug.
        silent_days: business days for which a provider reported no record at all.
    """

    zones: Mapping[str, str]
    silent_days: frozenset[tuple[str, date]] = frozenset()

    def day_of(self, break_: TrackedBreak) -> date | None:
        """The provider's business day on which it began, if that is known."""
        if break_.began_at is None:
            return None
        zone = ZoneInfo(self.zones.get(break_.provider, "UTC"))
        return break_.began_at.astimezone(zone).date()


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
class BreakGroup:
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
    breaks: tuple[TrackedBreak, ...]

    @property
    def sums(self) -> tuple[GroupSum, ...]:
        """The money by currency."""
        currencies = sorted({break_.currency for break_ in self.breaks})
        return tuple(_sum(currency, self.breaks) for currency in currencies)


#: The subject that a break shares with others of its cause; None if the cause does not apply.
_Subject = Callable[[TrackedBreak, GroupContext], str | None]


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


def _unknown_player(break_: TrackedBreak, _: GroupContext) -> str | None:
    is_unknown = bool(break_.player) and not break_.player_known
    return "" if is_unknown and break_.kind is not BreakKind.UNPARSABLE else None


def _unreadable_file(break_: TrackedBreak, _: GroupContext) -> str | None:
    file = break_.evidence.get("file")
    return str(file) if break_.kind is BreakKind.UNPARSABLE and file else None


def _left_out(break_: TrackedBreak, _: GroupContext) -> str | None:
    withdrawn = break_.evidence.get("withdrawn")
    if break_.theirs is not None or not withdrawn:
        return None
    return str(withdrawn[0].get("withdrawn_by", "")) or None


def _missing_day(break_: TrackedBreak, context: GroupContext) -> str | None:
    day = context.day_of(break_)
    if break_.kind is not BreakKind.MISSING_AT_PROVIDER or day is None:
        return None
    return day.isoformat() if (break_.provider, day) in context.silent_days else None


def _minute(break_: TrackedBreak, _: GroupContext) -> str | None:
    if break_.kind not in _LOST or break_.began_at is None:
        return None
    return f"{break_.began_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


_RULES: Mapping[BreakCause, _Rule] = MappingProxyType(
    {
        BreakCause.UNKNOWN_PLAYER: _Rule(
            subject=_unknown_player,
            sentence="{provider} names players whom we do not know: import them or register"
            " their handles, then reconcile again.",
            least=1,
        ),
        BreakCause.UNREADABLE_FILE: _Rule(
            subject=_unreadable_file,
            sentence="Lines of {subject} could not be read: mend the mapping or ask {provider}"
            " for the file again.",
            least=1,
        ),
        BreakCause.LEFT_OUT: _Rule(
            subject=_left_out,
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


def group_breaks(breaks: Iterable[TrackedBreak], context: GroupContext) -> list[BreakGroup]:
    """Group breaks by cause; the largest groups first, every break in exactly one."""
    groups: list[BreakGroup] = []
    rest = sorted(breaks, key=lambda break_: (_began(break_), break_.break_id))
    for cause, rule in _RULES.items():
        parts: dict[tuple[str, str, str], list[TrackedBreak]] = defaultdict(list)
        for break_ in rest:
            subject = rule.subject(break_, context)
            if subject is not None:
                kind = str(break_.kind) if rule.by_kind else ""
                parts[break_.provider, kind, subject].append(break_)
        chosen = [
            _group(cause, rule, key, members)
            for key, members in parts.items()
            if len(members) >= rule.least and _players(members) >= rule.players
        ]
        groups += chosen
        grouped = {break_.break_id for group in chosen for break_ in group.breaks}
        rest = [break_ for break_ in rest if break_.break_id not in grouped]
    return sorted(groups, key=lambda group: (-len(group.breaks), group.group_id))


def _group(
    cause: BreakCause, rule: _Rule, key: tuple[str, str, str], members: list[TrackedBreak]
) -> BreakGroup:
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


def _players(breaks: Iterable[TrackedBreak]) -> int:
    return max(1, len({break_.player for break_ in breaks if break_.player}))


def _began(break_: TrackedBreak) -> datetime:
    return break_.began_at or break_.first_seen


def _sum(currency: str, breaks: Iterable[TrackedBreak]) -> GroupSum:
    of_currency = [break_ for break_ in breaks if break_.currency == currency]
    return GroupSum(
        currency=currency,
        difference=sum(break_.difference for break_ in of_currency),
        gross=sum(abs(break_.difference) for break_ in of_currency),
        player=sum(break_.effects.player for break_ in of_currency),
        invoice=sum(break_.effects.invoice for break_ in of_currency),
    )
