"""A simulated month of five providers that share their players' wallets: what is played.

Of the tested code, this uses only the vocabulary. A play is a round as it happened;
``tests.harness.detection.world`` derives what each side stores of it, and the faults.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from random import Random

START = datetime(2026, 3, 1, tzinfo=UTC)
END = datetime(2026, 4, 1, tzinfo=UTC)
#: When the month is reconciled: operations of its last minutes may still be under way.
NOW = END + timedelta(minutes=5)
#: The age at which the other side must have each kind of operation.
BET_MATURITY = timedelta(minutes=15)
WIN_MATURITY = timedelta(minutes=24)
ROLLBACK_MATURITY = timedelta(minutes=40)
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


#: The providers whose history has nets and balances.
WITH_BALANCES = frozenset({System.NAMED, System.UNNAMED})
#: The providers whose operations are transactions that can be rolled back.
BY_TRANSACTION = frozenset({System.SPORTSBOOK, System.AGENT})

Part = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """One round as it happened.

    Attributes:
        seed, number: the month, and the play in it; months share only the providers.
        parts: stake and payout of each of its transactions, in minor units; only the agent
            platform has several.
        began: when our first operation of it was received.
        lasts: from the first to the last operation.
        ahead: how much the provider's clock is ahead of ours for this round.
        undone: rolled back on both sides.
        open: not ended yet; nothing was paid.
        late: so recent that the provider has not reported it yet.
        recent: of the last hour, in which immature and mature rounds lie side by side.
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
        """The suffix of all its ids."""
        return f"{self.seed}.{self.number}"

    @property
    def round_id(self) -> str:
        """Our id of the round."""
        return f"r{self.tag}"

    @property
    def reported_id(self) -> str:
        """The id of the round in the provider's history."""
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
    """Return all plays of a seed's month, in order of time."""
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
    """Return rounds that only one of the clocks places in the month."""
    plays = []
    for place, system in enumerate(System):
        off = timedelta(milliseconds=rng.choice((-1, 1)) * rng.randrange(20, 200))
        name = (numbered[0], numbered[1] + place)
        base = _play(rng, name, player, START + off, late=False)
        part = _part(rng, system)
        simple = replace(base, system=system, parts=(part,), undone=False, open=False)
        plays.append(replace(simple, ahead=-2 * off))
    return plays


def _last_hour(seed: int, number: int) -> list[Play]:
    """Return rounds of every age around the maturities.

    None is of the provider whose history lacks our round ids: its rounds are matched by their
    amounts. None is so near to a maturity that it would mature while a stored month is
    reconciled.
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
        system = rng.choice([system for system in System if system is not System.UNNAMED])
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
        # Mostly short pauses, rarely long ones.
        pause = rng.choice((1_200, 4_000, 9_000, 40_000, 150_000))
        at += timedelta(milliseconds=pause + rng.randrange(1_000))
        plays.append(_play(rng, (numbered[0], numbered[1] + place), player, at))
    return plays


def _last_minutes(
    rng: Random, player: tuple[str, str], numbered: tuple[int, int]
) -> list[Play]:
    """Return rounds of the last minutes; some are reported later, some are still open."""
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
    # It must not become overdue while a stored month is reconciled.
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
