"""Everything one run says, from one snapshot and without storing any of it.

A run and its later verification ask the same question here, so that they cannot differ by what
they ask.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection, text

from feeds.coverage import Unread, list_unread
from ledger.corrections.tolerance_bookings import booked_match_keys
from reconcile.findings.balance_chain import chain_breaks
from reconcile.findings.breaks import Break, breaks_from_frame
from reconcile.findings.delivery_log import ReadLogged, log_breaks
from reconcile.findings.evidence import with_evidence
from reconcile.findings.feed import feed_breaks
from reconcile.findings.journal import journal_breaks
from reconcile.matching.compare import Comparison, Judging
from reconcile.partitions.plan import How
from reconcile.partitions.scan import Look, Looked, Scope, look_at_all
from reconcile.snapshot.frames import Keys
from reconcile.snapshot.rules import BY_NAME, Rules
from reconcile.snapshot.shared_rounds import round_of
from reconcile.snapshot.snapshot import Snapshot, open_books
from vocabulary.ids import match_key
from vocabulary.maturity import MaturityAges, as_ages
from vocabulary.window import Window

# Everything stored at or before these marks was there to be read.
_MARKS = """
SELECT (SELECT max(batch_id) FROM batches WHERE posted_at IS NOT NULL) AS batches,
       (SELECT max(version_id) FROM feed_versions) AS versions,
       (SELECT max(withdrawal_id) FROM feed_withdrawals) AS withdrawals
"""
_FEEDS = """
SELECT feed, watermark, pulled_at FROM feed_watermarks WHERE provider = {provider} ORDER BY feed
"""
_OPEN = "SELECT match_key FROM breaks WHERE provider = :provider AND cleared_at IS NULL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a run is asked.

    Attributes:
        maturity: what is younger than this is timing: one age, or one by kind.
        exponents: the provider's overrides of digits after the point.
        open_after: a round of ours open for longer is a break; None: however long.
        read: reads a callback out of the provider's own log; None: the log is not looked at.
        stale_after: a feed that tells nothing newer for longer was not read; None: never.
        ripeness: what the maturity rests on, for the manifest.
    """

    provider: str
    window: Window
    maturity: MaturityAges | timedelta
    exponents: Mapping[str, int] = field(default_factory=dict)
    open_after: timedelta | None = None
    rules: Rules = BY_NAME
    read: ReadLogged | None = None
    stale_after: timedelta | None = None
    ripeness: Mapping[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        """For a manifest: enough to ask the same again."""
        return {
            "open_after_s": None
            if self.open_after is None
            else int(self.open_after.total_seconds()),
            "log": self.read is not None,
            "rules": self.rules.as_json(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What was found.

    Attributes:
        examined: of the breaks that were open, the match keys of which something was said: with
            a row in the window, or tied to one; sorted.
        booked: the same of rounds for which a residual stands booked; empty unless ``whole``.
        marks: how far the stored inputs reached.
        whole: whether every row of the window was looked at.
        unread: what of the window the feeds could not tell.
    """

    comparison: Comparison
    breaks: tuple[Break, ...]
    examined: Keys
    marks: Mapping[str, Any]
    whole: bool
    unread: tuple[Unread, ...] = ()
    booked: Keys = field(default_factory=lambda: np.empty(0, dtype=np.int64))


def judge(
    database_url: str,
    connection: Connection,
    terms: Terms,
    *,
    now: datetime,
    look: Look | None = None,
) -> Evaluation:
    """Read both sides at one instant, compare them, and hear the witnesses.

    ``connection`` is asked for the feed's findings and for open breaks only. ``look`` says how
    the books are looked at: at all of the window, where nothing is said.

    Raises:
        Unavailable: the database cannot be reached.
        Contradiction: the comparison does not conserve its rows.
    """
    scope = Scope(
        database_url=database_url,
        provider=terms.provider,
        window=terms.window,
        overdue=None if terms.open_after is None else now - terms.open_after,
        judging=Judging(now=now, maturity=terms.maturity, rules=terms.rules),
    )
    asked = _open_keys(connection, terms.provider)
    with open_books(
        database_url,
        terms.provider,
        terms.window,
        overdue=scope.overdue,
        balances=terms.rules.attributes,
        young=scope.judging.young,
    ) as books:
        looked = (look or look_at_all(How()))(books, scope, asked)
        found = looked.comparison
        breaks = _breaks(books, connection, terms, found, now)
        marks = {**books.rows(_MARKS)[0], "feeds": books.rows(_FEEDS)}
        return Evaluation(
            comparison=found,
            breaks=tuple(breaks),
            examined=_examined(books, terms.provider, found, asked),
            booked=_examined(
                books, terms.provider, found, _booked_keys(connection, terms.provider, looked)
            ),
            marks=marks,
            whole=looked.whole,
            unread=list_unread(
                connection, terms.provider, terms.window, now, stale_after=terms.stale_after
            ),
        )


def _open_keys(connection: Connection, provider: str) -> Keys:
    rows = connection.execute(text(_OPEN), {"provider": provider}).scalars()
    return np.unique(np.fromiter(rows, dtype=np.int64))


def _booked_keys(connection: Connection, provider: str, looked: Looked) -> Keys:
    rows = booked_match_keys(connection, provider) if looked.whole else []
    return np.array(rows, dtype=np.int64)


def _examined(books: Snapshot, provider: str, found: Comparison, asked: Keys) -> Keys:
    """Those of the keys that the comparison said something about, in the window or beyond."""
    beyond = [match_key(provider, round_of(name)) for name in found.reached]
    told = np.intersect1d(asked, np.array(beyond, dtype=np.int64))
    return np.union1d(books.inside(asked), told)


def _breaks(
    books: Snapshot, connection: Connection, terms: Terms, found: Comparison, now: datetime
) -> list[Break]:
    """By rounds first, then by witnesses: a cause that a round tells is not told again."""
    provider, exponents = terms.provider, terms.exponents
    named = breaks_from_frame(found.breaks, provider=provider, exponents=exponents, now=now)
    breaks = with_evidence(books, provider, named)
    heard = journal_breaks(books, provider, exponents, now, known=breaks)
    if not terms.rules.attributes:
        # Where no name ties, the balances have already been part of the matching.
        ages = as_ages(terms.maturity)
        young = now - ages.longest if ages.in_part else None
        heard += chain_breaks(books, provider, exponents, now, known=breaks, young=young)
    if terms.read is not None:
        heard += log_breaks(books, provider, exponents, now, read=terms.read, known=breaks)
    heard += feed_breaks(connection, provider, terms.window, now, known=breaks)
    return [*breaks, *sorted(heard, key=lambda each: (each.round_id, each.kind, each.id))]
