"""A simulated month of five providers who share their players' wallets: what is played.

Nothing here comes from the code it tests but the vocabulary. A play is a round as it happened;
``detection_world`` lays out what either side has of it, and the faults that hit it.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from random import Random

START = datetime(2026, 3, 1, tzinfo=UTC)
END = datetime(2026, 4, 1, tzinfo=UTC)
#: When the month is reconciled: what came in its last minutes may still be under way.
NOW = END + timedelta(minutes=5)
#: How old each kind of operation has to be before its other side must be there.
BET_RIPE = timedelta(minutes=15)
WIN_RIPE = timedelta(minutes=24)
ROLLBACK_RIPE = timedelta(minutes=40)
OPEN_AFTER = timedelta(days=3)

PLAYERS = 5
SESSIONS = 3
#: Plays of a month's last hour.
RECENT = 24
#: Plays of one session, at most; a month has about two hundred rounds.
PLAYS_MAX = 24
CURRENCIES = ("USD", "USD", "JPY", "KWD", "USD")
#: Many rounds cost the same: only their balances and instants tell them apart.
STAKES = (100, 100, 200, 500, 1_000)


class System(StrEnum):
    """The providers of the month; the value is the slug."""

    NAMED = "aggregator"
    UNNAMED = "aggregator-by-content"
    XIGS = "xigs"
    SPORTSBOOK = "sportsbook"
    AGENT = "agent-platform"


#: Whose history carries a sum and balances of its own.
WITH_BALANCES = frozenset({System.NAMED, System.UNNAMED})
#: Whose operations are transactions that can be taken back.
BY_TRANSACTION = frozenset({System.SPORTSBOOK, System.AGENT})

Part = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """One round as it happened.

    Attributes:
        seed, number: which month, and which play of it; months share nothing but providers.
        parts: stake and payout of each of its transactions, in minor units; only the agent
            platform has several.
        began: when our first operation of it was received.
        lasts: from the first to the last operation.
        ahead: how much the provider's clock is ahead of ours, for this round.
        undone: taken back on both sides.
        open: not yet ended; nothing was paid.
        late: so young that the provider has not told it yet.
        recent: of the last hour, in which what is young and what is not lie side by side.
    """

    seed: int
    number: int
    system: System
    player: str
    currency: str
    parts: tuple[Part, ...]
    began: datetime
    lasts: timedelta
    ahead: timedelta
    undone: bool = False
    open: bool = False
    late: bool = False
    recent: bool = False

    @property
    def tag(self) -> str:
        """What every name of it ends with."""
        return f"{self.seed}.{self.number}"

    @property
    def round_id(self) -> str:
        """Our name of it."""
        return f"r{self.tag}"

    @property
    def told_id(self) -> str:
        """The name of the round in the provider's history."""
        return f"history:h{self.tag}" if self.system is System.UNNAMED else self.round_id

    @property
    def stake(self) -> int:
        """All its stakes."""
        return sum(stake for stake, _ in self.parts)

    @property
    def payout(self) -> int:
        """All its payouts."""
        return sum(payout for _, payout in self.parts)

    @property
    def net(self) -> int:
        """What the player gained."""
        return self.payout - self.stake


def month(seed: int) -> list[Play]:
    """Everything that is played in the month of a seed, in order of time."""
    rng = Random(f"month {seed}")
    plays: list[Play] = []
    for number in range(PLAYERS):
        player = (f"player-{seed}.{number}", CURRENCIES[number])
        for _ in range(SESSIONS):
            offset = timedelta(milliseconds=rng.randrange(31 * 86_400_000 - 7_200_000))
            plays += _session(rng, player, START + offset, (seed, len(plays)))
        plays += _last_minutes(rng, player, (seed, len(plays)))
    plays += _at_the_edge(rng, (f"player-{seed}.0", CURRENCIES[0]), (seed, len(plays)))
    plays += _last_hour(seed, len(plays))
    return sorted(plays, key=lambda play: (play.began, play.number))


def _at_the_edge(rng: Random, player: tuple[str, str], numbered: tuple[int, int]) -> list[Play]:
    """Rounds that one clock puts into the month and the other does not."""
    plays = []
    for place, system in enumerate(System):
        off = timedelta(milliseconds=rng.choice((-1, 1)) * rng.randrange(20, 200))
        name = (numbered[0], numbered[1] + place)
        plain = _play(rng, name, player, START + off, late=False)
        part = _part(rng, system)
        whole = replace(plain, system=system, parts=(part,), undone=False, open=False)
        plays.append(replace(whole, ahead=-2 * off))
    return plays


def _last_hour(seed: int, number: int) -> list[Play]:
    """Rounds of every age around those at which the kinds of operation are ripe.

    None of the provider whose rounds no name ties: what ties them is what they come to. None so
    near to an age that a clock that goes on while a stored month is asked would pass it.
    """
    rng = Random(f"last hour {seed}")
    plays = []
    for place in range(RECENT):
        player = rng.randrange(PLAYERS)
        age = timedelta(minutes=rng.choice((6, 8, 16, 18, 25, 34, 42, 54)))
        plain = _play(
            rng,
            (seed, number + place),
            (f"player-{seed}.{player}", CURRENCIES[player]),
            NOW - age - timedelta(milliseconds=rng.randrange(30_000)),
        )
        system = rng.choice([each for each in System if each is not System.UNNAMED])
        undone = system in BY_TRANSACTION and rng.random() < 0.4
        part = _part(rng, system)
        plays.append(
            replace(plain, system=system, parts=(part,), undone=undone, open=False, recent=True)
        )
    return plays


def _session(
    rng: Random, player: tuple[str, str], at: datetime, numbered: tuple[int, int]
) -> list[Play]:
    plays = []
    for place in range(rng.randint(PLAYS_MAX // 3, PLAYS_MAX)):
        # Rarely a pause, mostly one round after the other.
        pause = rng.choice((1_200, 4_000, 9_000, 40_000, 150_000))
        at += timedelta(milliseconds=pause + rng.randrange(1_000))
        plays.append(_play(rng, (numbered[0], numbered[1] + place), player, at))
    return plays


def _last_minutes(
    rng: Random, player: tuple[str, str], numbered: tuple[int, int]
) -> list[Play]:
    """Rounds of the month's last minutes; some are told later, some are still open."""
    plays = []
    for place in range(2):
        at = END - timedelta(milliseconds=rng.randrange(5_000, 300_000))
        play = _play(
            rng, (numbered[0], numbered[1] + place), player, at, late=rng.random() < 0.5
        )
        plays.append(play)
    return plays


def _play(
    rng: Random,
    name: tuple[int, int],
    player: tuple[str, str],
    at: datetime,
    *,
    late: bool = False,
) -> Play:
    system = rng.choice(list(System))
    several = system is System.AGENT and rng.random() < 0.3
    parts = tuple(_part(rng, system) for _ in range(rng.randint(2, 3) if several else 1))
    undone = system in BY_TRANSACTION and not late and rng.random() < 0.12
    # A clock that goes on while a stored month is asked must not make it overdue.
    fresh = END - at < OPEN_AFTER - timedelta(hours=1)
    is_open = system is System.XIGS and fresh and rng.random() < 0.3
    if is_open:
        parts = ((parts[0][0] or 100, 0),)
    return Play(
        seed=name[0],
        number=name[1],
        system=system,
        player=player[0],
        currency=player[1],
        parts=parts,
        began=at,
        lasts=timedelta(milliseconds=rng.randrange(100, 900)),
        ahead=timedelta(milliseconds=rng.randrange(-300, 300)),
        undone=undone,
        open=is_open,
        late=late,
    )


def _part(rng: Random, system: System) -> Part:
    stake = rng.choice((*STAKES, rng.randint(1, 5_000)))
    payout = rng.choice((0, 0, stake, 2 * stake, stake // 2 + 1, rng.randint(1, 9_000)))
    if system is System.SPORTSBOOK:
        return (stake, 0) if rng.random() < 0.6 else (0, payout or stake)
    return stake, payout
