"""How files write instants: the text, the settings that read it, and how exact it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from zoneinfo import ZoneInfo

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
MILLISECOND, MICROSECOND = timedelta(milliseconds=1), timedelta(microseconds=1)
ZONES = ("UTC", "Europe/Warsaw", "America/New_York", "Asia/Kolkata", "Europe/Berlin")


@dataclass(frozen=True, slots=True)
class Moment:
    """A cell that is a date in its file; ``local`` may have an offset."""

    local: datetime


Parts = tuple[str | Moment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DateStyle:
    """A way to write instants.

    Attributes:
        write: an instant in UTC to the cells of its columns.
        columns: how many there are.
        step: what it can tell apart.
        zone: of the local times; None: each has its own.
        settings: that read it.
        is_cell: cells are dates of a workbook or Parquet file, not text.
    """

    name: str
    write: Callable[[datetime], Parts]
    columns: int = 1
    step: timedelta = SECOND
    zone: ZoneInfo | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    is_cell: bool = False


def text_style(rng: Random) -> DateStyle:
    """Any way to write an instant as text."""
    return rng.choice((_iso, _iso, _iso_local, _pattern, _pattern, _named, _columns))(rng)


def cell_style(rng: Random, *, has_offset: bool) -> DateStyle:
    """Dates as cells with a type; ``has_offset``: the file may store their offset."""
    if has_offset and rng.random() < 0.5:
        return DateStyle(name="cell_utc", write=lambda at: (Moment(at),), is_cell=True)
    zone = ZoneInfo(rng.choice(ZONES))
    return DateStyle(
        name="cell_local",
        write=lambda at: (Moment(_local(at, zone)),),
        zone=zone,
        settings={"timezone": zone.key},
        is_cell=True,
    )


def _iso(rng: Random) -> DateStyle:
    name = rng.choice(("z", "offset", "short_offset", "blank_utc", "minutes", "nano", "micro"))
    offset = timezone(timedelta(hours=rng.choice((-5, 0, 2, 5)), minutes=30))
    whole = timezone(timedelta(hours=rng.choice((-8, 1, 9))))
    writers: Mapping[str, tuple[Callable[[datetime], str], timedelta]] = {
        "z": (lambda at: f"{at:%Y-%m-%dT%H:%M:%S}Z", SECOND),
        "offset": (lambda at: at.astimezone(offset).isoformat(), SECOND),
        "short_offset": (
            lambda at: f"{at.astimezone(whole):%Y-%m-%d %H:%M:%S%z}"[:-2],
            SECOND,
        ),
        "blank_utc": (lambda at: f"{at:%Y-%m-%d %H:%M:%S} UTC", SECOND),
        "minutes": (lambda at: f"{at:%Y-%m-%dT%H:%M}Z", MINUTE),
        "nano": (lambda at: f"{at:%Y-%m-%dT%H:%M:%S.%f}789Z", MICROSECOND),
        "micro": (lambda at: f"{at:%Y-%m-%dT%H:%M:%S.%f}+00:00", MICROSECOND),
    }
    writer, step = writers[name]
    return DateStyle(name=f"iso_{name}", write=lambda at: (writer(at),), step=step)


def _iso_local(rng: Random) -> DateStyle:
    zone = ZoneInfo(rng.choice(ZONES))
    sep = rng.choice("T ")
    return DateStyle(
        name="iso_local",
        write=lambda at: (_local(at, zone).isoformat(sep=sep),),
        zone=zone,
        settings={"timezone": zone.key},
    )


def _pattern(rng: Random) -> DateStyle:
    zone = ZoneInfo(rng.choice(ZONES))
    pattern = rng.choice(
        (
            "%d.%m.%Y %H:%M:%S",
            "%d/%m/%Y %H:%M:%S",
            "%m/%d/%Y %I:%M:%S %p",
            "%m/%d/%y %H:%M:%S",
            "%Y%m%d%H%M%S",
            "%Y%m%dT%H%M%S",
            "%d %b %Y, %H:%M:%S",
            "%d. %B %Y %H:%M",
            "%A, %d-%m-%Y %H.%M.%S",
        )
    )
    return DateStyle(
        name=f"pattern {pattern}",
        write=lambda at: (at.astimezone(zone).strftime(pattern),),
        step=SECOND if "%S" in pattern else MINUTE,
        zone=zone,
        settings={"timezone": zone.key, "dates": pattern},
    )


def _named(rng: Random) -> DateStyle:
    """A pattern whose zone is in the text or literally in the pattern."""
    offset = timezone(timedelta(hours=rng.choice((-3, 2, 8))))
    warsaw = ZoneInfo("Europe/Warsaw")
    patterns: Mapping[str, tuple[Callable[[datetime], str], str]] = {
        "%d.%m.%Y %H:%M:%S %z": (
            lambda at: at.astimezone(offset).strftime("%d.%m.%Y %H:%M:%S %z"),
            "",
        ),
        "%Y-%m-%d %H:%M:%S %Z": (
            lambda at: at.astimezone(warsaw).strftime("%Y-%m-%d %H:%M:%S %Z"),
            warsaw.key,
        ),
        "%d/%m/%Y %H:%M:%S %Z": (lambda at: at.strftime("%d/%m/%Y %H:%M:%S UTC"), warsaw.key),
        "%d-%b-%Y %H:%M:%S Z": (lambda at: at.strftime("%d-%b-%Y %H:%M:%S Z"), warsaw.key),
    }
    pattern = rng.choice(list(patterns))
    writer, key = patterns[pattern]
    settings = {"dates": pattern} | ({"timezone": key} if key else {})
    return DateStyle(name=f"named {pattern}", write=lambda at: (writer(at),), settings=settings)


def _columns(rng: Random) -> DateStyle:
    """A day, a time and perhaps a zone in columns of their own."""
    zone = ZoneInfo(rng.choice(ZONES))
    match rng.randrange(3):
        case 0:
            return DateStyle(
                name="three_columns",
                write=lambda at: _day_time_offset(at.astimezone(zone)),
                columns=3,
            )
        case 1:
            return DateStyle(
                name="two_columns",
                write=lambda at: tuple(_local(at, zone).isoformat(sep=" ").split()),
                columns=2,
                zone=zone,
                settings={"timezone": zone.key},
            )
        case _:
            pattern = "%d.%m.%Y %H:%M:%S %Z"
            return DateStyle(
                name="three_columns_pattern",
                write=lambda at: tuple(at.astimezone(UTC).strftime(pattern).split()),
                columns=3,
                settings={"dates": pattern, "timezone": zone.key},
            )


def _day_time_offset(local: datetime) -> Parts:
    offset = local.strftime("%z")
    return local.strftime("%Y-%m-%d"), local.strftime("%H:%M:%S"), f"{offset[:3]}:{offset[3:]}"


def _local(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)
