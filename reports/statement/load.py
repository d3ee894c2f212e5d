"""Load what a statement says beside the figures of the runs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from breaks.auto_close import ACTOR
from reconcile.days.corrections import corrections_of
from reconcile.days.states import DayStatus
from reconcile.days.store import DayTerms, load_day
from reconcile.days.sums import SidesReader
from reports.statement.break_spans import load_spans
from reports.statement.bridge import bridges, reported_ggr
from reports.statement.roll_forward import Cuts, roll_forward
from reports.statement.statement import BreakWords, CorrectionLine, DayReader, SignedStatement
from vocabulary.currencies import digits_of
from vocabulary.money import minor_from_text
from vocabulary.window import Window, day_window

_CLOSED_AT = """
SELECT closed_at FROM day_closes WHERE provider = :provider AND ends_at = :ends_at
"""
_WRITE_OFFS = """
SELECT 'write-off' AS kind, w.write_off_id AS id, w.break_id, w.round_id, w.currency, w.amount,
       w.state, w.reason, w.proposed_by, w.decided_by, w.decided_at,
       coalesce(b.began_at, b.first_seen) AS began_at
  FROM write_offs w JOIN breaks b USING (break_id)
 WHERE w.provider = :provider AND w.state <> 'rejected'
   AND ((coalesce(b.began_at, b.first_seen) >= :start
         AND coalesce(b.began_at, b.first_seen) < :end)
        OR (w.decided_at >= :start AND w.decided_at < :end))
 ORDER BY w.proposed_at, w.write_off_id
"""
_BREAK_OF = "SELECT id, break_id FROM adjustments WHERE id = ANY(:ids)"
# Comments, and the reasons that people gave with an action.
_WORDS = """
SELECT n.at AS written_at, n.author, n.kind AS occasion, n.body AS text, b.break_id, b.kind,
       b.currency, b.difference
  FROM break_notes n JOIN breaks b USING (break_id)
 WHERE b.break_id = ANY(:ids) AND n.kind IN ('comment', 'text', 'link')
 UNION ALL
SELECT a.at, a.actor, replace(substr(a.action, 7), '_', ' '), a.detail ->> 'why', b.break_id,
       b.kind, b.currency, b.difference
  FROM audit a JOIN breaks b ON b.break_id = a.subject
 WHERE a.subject = ANY(:ids) AND a.actor <> :machine
   AND a.action IN ('break.explained', 'break.waiting', 'break.closed', 'break.reopened')
 ORDER BY written_at, break_id
"""


def load_statement(
    connection: Connection,
    provider: str,
    window: Window,
    *,
    zone: str,
    entity: str,
    generated_at: datetime,
    exponents: Mapping[str, int],
    read_day: DayReader | None,
    sides: SidesReader,
) -> SignedStatement:
    """Load the statement of a window.

    Args:
        connection: reads the database.
        provider: its slug.
        window: what is reported.
        zone: time zone of the provider's business days.
        entity: the company that reports; empty: not set.
        generated_at: the instant of the report.
        exponents: the provider's overrides of digits after the decimal point.
        read_day: knows what the day's feeds have not reported; None: nobody asks the feeds.
        sides: reads both sides of a day.
    """
    if read_day is None:
        read_day = _without_feeds(provider, zone, exponents, generated_at)
    cuts = cuts_of(connection, provider, window, generated_at)
    spans = load_spans(connection, provider, cuts)
    days = tuple(read_day(connection, day, sides) for day in days_of(window, zone))
    reported = _reported(connection, provider, window, days)
    return SignedStatement(
        entity=entity,
        days=days,
        cuts=cuts,
        roll_forward=roll_forward(spans, cuts),
        corrections=tuple(_corrections(connection, provider, window, exponents)),
        words=_words(connection, {span.break_id for span in spans}),
        bridges=bridges(connection, provider, window, reported),
    )


def _reported(
    connection: Connection, provider: str, window: Window, days: Sequence[DayStatus]
) -> dict[str, int]:
    """GGR of our rounds of a window by currency: that of its days, if they are whole."""
    if window != Window(start=days[0].window.start, end=days[-1].window.end):
        return reported_ggr(connection, provider, window)
    reported: dict[str, int] = {}
    for day in days:
        for code, side in day.figures.ours.items():
            reported[code] = reported.get(code, 0) + side.ggr
    return reported


def days_of(window: Window, zone: str) -> Iterator[date]:
    """The business days that a window touches."""
    local = ZoneInfo(zone)
    day = window.start.astimezone(local).date()
    while day_window(day, local).start < window.end:
        yield day
        day = date.fromordinal(day.toordinal() + 1)


def cuts_of(
    connection: Connection, provider: str, window: Window, generated_at: datetime
) -> Cuts:
    """The closes of the day before the window and of its last day; else its start, and now."""
    opening, closing = (
        connection.execute(
            text(_CLOSED_AT), {"provider": provider, "ends_at": instant}
        ).scalar_one_or_none()
        for instant in (window.start, window.end)
    )
    end = min(closing or generated_at, generated_at)
    return Cuts(opening=min(opening or window.start, end), closing=end, report=generated_at)


def _corrections(
    connection: Connection, provider: str, window: Window, exponents: Mapping[str, int]
) -> Iterator[CorrectionLine]:
    corrections = corrections_of(connection, provider, window, exponents)
    ids = [correction.id for correction in corrections]
    rows = connection.execute(text(_BREAK_OF), {"ids": ids})
    break_of: dict[str, str | None] = {row.id: row.break_id for row in rows}
    for correction in corrections:
        digits = digits_of(correction.currency, exponents)
        yield CorrectionLine(
            kind="correction",
            id=correction.id,
            break_id=break_of[correction.id] or "",
            round_id=correction.round_id,
            currency=correction.currency,
            amount=minor_from_text(correction.amount, digits),
            state=correction.state,
            reason=correction.reason,
            proposed_by=correction.proposed_by,
            decided_by=correction.decided_by,
            decided_at=correction.decided_at,
            began_at=correction.began_at,
        )
    params = {"provider": provider, "start": window.start, "end": window.end}
    for row in connection.execute(text(_WRITE_OFFS), params).mappings():
        yield CorrectionLine(**row)


def _words(connection: Connection, break_ids: Iterable[str]) -> tuple[BreakWords, ...]:
    params = {"ids": sorted(break_ids), "machine": ACTOR}
    rows = connection.execute(text(_WORDS), params).mappings()
    return tuple(BreakWords(**row) for row in rows)


def _without_feeds(
    provider: str, zone: str, exponents: Mapping[str, int], now: datetime
) -> DayReader:
    def read_day(connection: Connection, day: date, sides: SidesReader) -> DayStatus:
        window = day_window(day, ZoneInfo(zone))
        terms = DayTerms(
            provider=provider,
            day=day,
            window=window,
            zone=zone,
            mature_at=window.end,
            waits_for=(),
            exponents=exponents,
        )
        return load_day(connection, terms, now, sides=sides)

    return read_day
