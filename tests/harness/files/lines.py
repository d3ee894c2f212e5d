"""What a statement file says: its lines, known before any file is written.

The corpus shares no code with the readers of statement files: what the smallest unit of a
currency is, and how a time is local, are computed here again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

BET, RESULT, ROLLBACK = "bet", "result", "rollback"
#: Digits after the point of the currencies that occur.
DIGITS = {"USD": 2, "EUR": 2, "PLN": 2, "INR": 2, "GBP": 2, "JPY": 0, "KWD": 3, "BTC": 8}

_CURRENCIES = ("USD", "USD", "EUR", "EUR", "PLN", "INR", "GBP", "JPY", "KWD", "BTC")
_ASCII_PLAYERS = ("alice", "bob-7", "42", "cafe_9", "0042", "u.zoe", "Player:17")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a statement, as it must be stored.

    Attributes:
        minor: the amount in the currency's smallest unit.
        reference: the id of the transaction that a rollback undoes; else empty.
        instant: in UTC.
    """

    id: str
    action: str
    player: str
    currency: str
    minor: int
    reference: str
    instant: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What limits the lines of a file.

    Attributes:
        ids: how ids look: ``plain``, ``digits``, ``numbers`` (what a number cell can hold).
        players: names that the file's encoding has, beside the usual ones.
        case: ``lower`` or ``upper`` if all ids are of that case; else empty.
        step: what instants are a multiple of.
        zone: of local times without an offset, which must be unambiguous; None: any time.
        most: the largest amount, in smallest units.
    """

    ids: str
    players: Sequence[str]
    case: str
    step: timedelta
    zone: ZoneInfo | None
    most: int


def lines_of(rng: Random, count: int, scene: Scene) -> list[Line]:
    """Lines in the order of time; every rollback undoes a line before it."""
    codes = rng.sample(_CURRENCIES, rng.choice((1, 1, 1, 2, 3)))
    instant = _start(rng)
    lines: list[Line] = []
    for number in range(count):
        instant = _after(rng, instant, scene)
        undone = rng.choice(lines).id if lines and rng.random() < 0.15 else ""
        currency = rng.choice(codes)
        lines.append(
            Line(
                id=_id(rng, number, scene),
                action=ROLLBACK if undone else rng.choice((BET, BET, RESULT)),
                player=_player(rng, scene),
                currency=currency,
                minor=_minor(rng, currency, scene.most),
                reference=undone,
                instant=instant,
            )
        )
    return lines


def _start(rng: Random) -> datetime:
    # Late in October local hours repeat, and late in March they are skipped.
    month, day = rng.choice(((6, 4), (12, 31), (2, 28), (10, 24), (3, 28), (1, 12), (9, 9)))
    return datetime(2026, month, day, rng.randrange(24), tzinfo=UTC)


def _after(rng: Random, instant: datetime, scene: Scene) -> datetime:
    steps = rng.randrange(1, max(2, timedelta(minutes=20) // scene.step))
    base = instant.replace(second=0, microsecond=0) if scene.step.seconds >= 60 else instant
    later = base + steps * scene.step
    while scene.zone is not None and is_ambiguous(later, scene.zone):
        later += timedelta(minutes=30)
    return later


def is_ambiguous(instant: datetime, zone: ZoneInfo) -> bool:
    """Whether the local time of an instant names another instant, too."""
    local = instant.astimezone(zone).replace(tzinfo=None)
    first, second = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    return first.utcoffset() != second.utcoffset()


def _id(rng: Random, number: int, scene: Scene) -> str:
    serial = f"{number:03d}"
    match scene.ids:
        case "numbers":
            text = f"{rng.randrange(1, 9)}{rng.randrange(10**6):06d}{serial}"
        case "digits":
            text = rng.choice((f"00{serial}7", f"987654321012345{serial}1"))
        case _:
            text = rng.choice(
                (
                    f"t-{serial}",
                    f"{rng.getrandbits(64):016x}-{serial}",
                    f"7{serial}e0{rng.randrange(9)}",
                    f"TX:{serial}:{rng.randrange(99)}",
                    f"00{serial}0",
                    f"{serial}.5-a",
                )
            )
    return _cased(text, scene.case)


def _cased(text: str, case: str) -> str:
    return {"lower": text.lower(), "upper": text.upper()}.get(case, text)


def _player(rng: Random, scene: Scene) -> str:
    if scene.ids == "numbers":
        return str(rng.randrange(1, 10**9))
    return _cased(rng.choice((*_ASCII_PLAYERS, *scene.players)), scene.case)


def _minor(rng: Random, currency: str, most: int) -> int:
    digits = DIGITS[currency]
    usual = rng.choice((0, 1, 5, 10, 99, 100, 1250, 12_345, 1_000_000, 123_456_789))
    spread = rng.randrange(10 ** (digits + rng.randrange(1, 5)))
    return min(rng.choice((usual, spread, spread)), most)
