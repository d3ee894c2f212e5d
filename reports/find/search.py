"""Search for everything that a text may name, each reading by an index of the database.

``reports`` holds this package because both the command line and the console show what it
returns, and because a search reads every lower layer: the ledger, feeds, runs and breaks.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from reports.find import differences, invoices, ours, players, theirs, transactions
from reports.find.hits import Findings, Hit, SearchScope, best_first
from reports.find.query import (
    PREFIX_CHARS_MIN,
    By,
    Candidate,
    FoundKind,
    candidates,
    is_amount_without_currency,
    split_day,
)
from storage.archive.row_cut import rows_begin_at
from vocabulary.errors import Unavailable
from vocabulary.window import day_window

Lookup = Callable[[Connection, Candidate, SearchScope], list[Hit]]

_K = FoundKind
#: How each kind is looked up.
LOOKUPS: Mapping[tuple[FoundKind, By], Lookup] = {
    (_K.BREAK, By.ID): differences.breaks,
    (_K.BREAK, By.AMOUNT): differences.breaks_of_amount,
    (_K.RUN, By.ID): differences.runs,
    (_K.ADJUSTMENT, By.ID): ours.adjustments,
    (_K.ADJUSTMENT, By.AMOUNT): ours.adjustments_of_amount,
    (_K.WRITE_OFF, By.ID): differences.write_offs,
    (_K.INVOICE, By.ID): invoices.by_id,
    (_K.INVOICE, By.NAME): invoices.by_name,
    (_K.DISPUTE, By.ID): differences.disputes,
    (_K.TRANSACTION, By.ID): transactions.by_id_or_name,
    (_K.TRANSACTION, By.NAME): transactions.by_id_or_name,
    (_K.TRANSACTION, By.AMOUNT): transactions.by_amount,
    (_K.ROUND, By.NAME): ours.rounds,
    (_K.ROUND, By.AMOUNT): ours.rounds_of_amount,
    (_K.RECORD, By.NAME): theirs.records,
    (_K.RECORD, By.AMOUNT): theirs.records_of_amount,
    (_K.REQUEST, By.NUMBER): ours.requests,
    (_K.REQUEST, By.NAME): ours.requests,
    (_K.LOGGED, By.NAME): theirs.logged,
    (_K.PLAYER, By.NAME): players.players,
    (_K.HANDLE, By.NAME): players.handles,
    (_K.FILE, By.NUMBER): theirs.files,
    (_K.FILE, By.NAME): theirs.files,
    (_K.FINDING, By.ID): theirs.findings,
    (_K.BATCH, By.NUMBER): ours.batches,
    (_K.SEAL, By.DAY): ours.seals,
    (_K.SEAL, By.ID): ours.seals,
}

_RANKS = {kind: rank for rank, kind in enumerate(FoundKind)}


def find_anything(engine: Engine, text: str, scope: SearchScope) -> Findings:
    """Everything that a text names, the best hit first.

    Raises:
        Unavailable: the database is out of reach.
    """
    words, day = split_day(text)
    scope = replace(scope, day=scope.day or day)
    readings = candidates(words)
    if scope.day is None:
        readings = tuple(reading for reading in readings if reading.by is not By.AMOUNT)
    one_more = replace(scope, limit=scope.limit + 1)
    try:
        with engine.connect() as connection:
            away = list(_away(connection, scope))
            hits = best_first(_hits(connection, readings, one_more))
    except OperationalError as error:
        raise Unavailable("the database is out of reach") from error
    advice = [*_advice(words, scope), *away]
    return Findings(
        query=text,
        searched=_searched(readings),
        hits=tuple(hits[: scope.limit]),
        cut=len(hits) > scope.limit,
        advice=tuple(advice),
    )


def _hits(
    connection: Connection, readings: Sequence[Candidate], scope: SearchScope
) -> list[Hit]:
    """Look every reading up: amounts last, as long as what they find can be among the best."""
    by_amount = [reading for reading in readings if reading.by is By.AMOUNT]
    others = [reading for reading in readings if reading.by is not By.AMOUNT]
    hits: list[Hit] = []
    for reading in (*others, *sorted(by_amount, key=lambda reading: _RANKS[reading.kind])):
        # An amount has no exact hit, so whatever is exact or of a kind before comes first.
        if reading.by is By.AMOUNT and _before(reading.kind, hits) >= scope.limit:
            break
        hits += LOOKUPS[reading.kind, reading.by](connection, reading, scope)
    return hits


def _before(kind: FoundKind, hits: Iterable[Hit]) -> int:
    """How many of the hits are shown before inexact ones of a kind."""
    return len(best_first(hit for hit in hits if hit.exact or _RANKS[hit.kind] < _RANKS[kind]))


def searchable() -> Mapping[FoundKind, tuple[By, ...]]:
    """Everything that can be searched for, and by what."""
    ways: dict[FoundKind, list[By]] = {}
    for kind, by in LOOKUPS:
        ways.setdefault(kind, []).append(by)
    return {kind: tuple(dict.fromkeys(ways[kind])) for kind in FoundKind if kind in ways}


def _searched(readings: tuple[Candidate, ...]) -> tuple[str, ...]:
    """Name what was looked for, once each, in the order of the search."""
    names = (f"{reading.kind} by {reading.by}" for reading in readings)
    return tuple(dict.fromkeys(names))


def _away(connection: Connection, scope: SearchScope) -> Iterator[str]:
    """That rows of the day are not searched, because they left for an archive."""
    cut = rows_begin_at(connection)
    day = scope.day
    zones = scope.zones.values() or ("UTC",)
    if cut is None or day is None:
        return
    if min(day_window(day, ZoneInfo(zone)).start for zone in zones) < cut:
        yield f"most rows of {day} are in archives, which are not searched by amount"


def _advice(text: str, scope: SearchScope) -> tuple[str, ...]:
    """What would make the search better."""
    has_amount = any(reading.by is By.AMOUNT for reading in candidates(text))
    advice = []
    if has_amount and scope.day is None:
        advice.append("an amount is searched on one day: add --day")
    if is_amount_without_currency(text):
        advice.append('an amount needs its currency, such as "10.00 USD"')
    if 0 < len(text.strip()) < PREFIX_CHARS_MIN and not has_amount:
        advice.append(f"the start of an id needs at least {PREFIX_CHARS_MIN} characters")
    return tuple(advice)
