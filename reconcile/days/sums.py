"""Add up the figures of business days: both sides, and the breaks between them.

Days are read together, so that a list of days takes as many statements as one day. Tables read:
``rounds``, ``feed_records``, ``feed_superseded``, ``feed_withdrawals``, ``handles``,
``breaks``, ``break_workflows``, ``adjustments``, ``operations``, ``batches``.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from breaks.kinds import OF_BOOKS
from breaks.states import settled_states
from reconcile.days.corrections import IN_ROUND
from reconcile.days.figures import NO_TOTALS, BothSides, DayFigures, OpenMoney, SideTotals
from storage.planning import without_nested_loops
from vocabulary.window import Window

_OURS = """
SELECT currency, count(*) AS rounds, sum(stake) AS stake, sum(payout) AS payout
  FROM rounds WHERE provider = :provider AND first_at >= :start AND first_at < :end
 GROUP BY currency
"""
# Whether a share ``s`` is of one of the players ``u`` of whose round a record is rolled back:
# such a round moved nothing, whatever its other records hold and whichever of the player's
# handles they have. Totals, which have the same sums by game, count so, too.
_IS_UNDONE = """
CASE WHEN u.players IS NULL THEN false  -- else only these players are looked up
     ELSE coalesce((SELECT h.player FROM handles h
                     WHERE h.provider = :provider AND h.handle = s.handle),
                   s.handle) = ANY(u.players) END
"""
# The player of a rolled back record ``b``: few are looked up, each by its key.
_PLAYER = """
coalesce((SELECT k.player FROM handles k WHERE k.provider = :provider AND k.handle = b.handle),
         b.handle)
"""
# Most records are the only one of their round and stand. So all are added up as if they were,
# and only those of other keys are grouped by round, to take away what is too much.
_THEIRS = f"""
WITH others AS MATERIALIZED (
    SELECT match_key FROM feed_records
     WHERE provider = :provider AND created_at >= :start AND created_at < :end AND continues
     UNION
    SELECT match_key FROM feed_records WHERE provider = :provider AND rolled_back
), shares AS (
    SELECT f.currency, match_key, f.round_id, f.handle, count(*) AS records,
           sum(f.stake) AS stake, sum(f.payout) AS payout
      FROM feed_records f JOIN others o USING (match_key)
     WHERE f.provider = :provider AND f.created_at >= :start AND f.created_at < :end
     GROUP BY 1, 2, 3, 4
), undone AS (
    SELECT b.match_key, b.round_id, array_agg({_PLAYER}) AS players
      FROM feed_records b
     WHERE b.provider = :provider AND b.rolled_back
       AND b.match_key IN (SELECT match_key FROM shares)
     GROUP BY b.match_key, b.round_id
), parts AS (
    SELECT currency, count(*) AS rounds, sum(stake) AS stake, sum(payout) AS payout
      FROM feed_records
     WHERE provider = :provider AND created_at >= :start AND created_at < :end
     GROUP BY currency
     UNION ALL
    SELECT s.currency, 1 - s.records, CASE WHEN {_IS_UNDONE} THEN -s.stake ELSE 0 END,
           CASE WHEN {_IS_UNDONE} THEN -s.payout ELSE 0 END
      FROM shares s LEFT JOIN undone u USING (match_key, round_id)
)
SELECT currency, sum(rounds)::bigint AS rounds, sum(stake) AS stake,
       sum(payout) AS payout
  FROM parts GROUP BY currency
"""  # noqa: S608 - constants of this module
# What came for the rounds of a window since an instant, by the posting of its operations.
_OURS_SINCE = """
SELECT currency, count(*) FILTER (WHERE is_new) AS rounds, sum(stake) AS stake,
       sum(payout) AS payout
  FROM (SELECT r.currency, bool_and(b.posted_at > :since) AS is_new,
               coalesce(sum(o.stake) FILTER (WHERE b.posted_at > :since), 0) AS stake,
               coalesce(sum(o.payout) FILTER (WHERE b.posted_at > :since), 0) AS payout
          FROM rounds r
          JOIN operations o
            ON o.wallet_id = r.wallet_id
           AND o.wallet_seq >= chain_position_at(r.wallet_id, r.first_at - interval '10 min')
           AND o.match_key = r.match_key AND o.provider = r.provider
           AND o.round_id = r.round_id
          JOIN batches b USING (batch_id)
         WHERE r.provider = :provider AND r.first_at >= :start AND r.first_at < :end
           AND o.decision = 'accepted' AND b.posted_at IS NOT NULL
         GROUP BY r.match_key, r.round_id, r.wallet_id, r.currency) s
 GROUP BY currency
HAVING (count(*) FILTER (WHERE is_new), sum(stake), sum(payout)) <> (0, 0, 0)
"""
# What changed on their side of a window since an instant, by our receipt: the rows that are
# here now, less those that were here then. What left was here at both, and cannot change. The
# players are those of today at both, so a new handle by itself changes nothing.
_THEIRS_SINCE = f"""
WITH seen AS (
    SELECT true AS is_now, round_id, handle, currency, stake, payout FROM feed_records
     WHERE provider = :provider AND created_at >= :start AND created_at < :end
     UNION ALL
    SELECT false, round_id, handle, currency, stake, payout FROM feed_records
     WHERE provider = :provider AND created_at >= :start AND created_at < :end
       AND received_at <= :since
     UNION ALL
    SELECT false, round_id, handle, currency, stake, payout
      FROM (SELECT DISTINCT ON (u.record_id, u.occurrence) u.* FROM feed_superseded u
             WHERE u.provider = :provider AND u.received_at <= :since
               AND NOT EXISTS (SELECT FROM feed_records r
                                WHERE r.provider = u.provider AND r.record_id = u.record_id
                                  AND r.occurrence = u.occurrence AND r.received_at <= :since)
               AND NOT EXISTS (SELECT FROM feed_withdrawals w
                                WHERE w.provider = u.provider AND w.record_id = u.record_id
                                  AND w.occurrence = u.occurrence AND w.changed_at <= :since
                                  AND w.changed_no = u.superseded_no)
             ORDER BY u.record_id, u.occurrence, u.superseded_no DESC) b
     WHERE created_at >= :start AND created_at < :end
), rolled_back AS (
    SELECT b.round_id, {_PLAYER} AS player, b.received_at
      FROM feed_records b
     WHERE b.provider = :provider AND b.rolled_back
       AND b.round_id IN (SELECT round_id FROM seen)
), undone AS (
    SELECT true AS is_now, round_id, array_agg(player) AS players FROM rolled_back
     GROUP BY round_id
     UNION ALL
    SELECT false, round_id, array_agg(player) FROM rolled_back WHERE received_at <= :since
     GROUP BY round_id
), shares AS (
    SELECT is_now, currency, CASE WHEN is_now THEN 1 ELSE -1 END AS sign,
           sum(CASE WHEN {_IS_UNDONE} THEN 0 ELSE stake END) AS stake,
           sum(CASE WHEN {_IS_UNDONE} THEN 0 ELSE payout END) AS payout
      FROM seen s LEFT JOIN undone u USING (is_now, round_id)
     GROUP BY is_now, s.round_id, s.handle, currency
)
SELECT currency, sum(sign)::bigint AS rounds, sum(sign * stake) AS stake,
       sum(sign * payout) AS payout
  FROM shares GROUP BY currency
HAVING (sum(sign), sum(sign * stake), sum(sign * payout)) <> (0, 0, 0)
"""  # noqa: S608 - constants of this module
_DAYS = """
unnest(CAST(:providers AS text[]), CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[]))
  WITH ORDINALITY AS d (provider, start_at, end_at, place)
"""
# Of each day, the sums of its breaks by currency, and one row that counts the corrections in
# its rounds, whose digest tells any change of a break or correction. OFFSET keeps this a lookup
# by day, whatever statistics say.
_BREAKS = f"""
WITH of_days AS MATERIALIZED (
    SELECT d.place, b.break_id, b.currency, b.difference, b.kind, w.state,
           b.cleared_at IS NULL AS found,
           b.cleared_at IS NULL AND w.state <> ALL(:settled) AS is_open
      FROM {_DAYS}
     CROSS JOIN LATERAL (
           SELECT * FROM breaks b
            WHERE b.provider = d.provider
              AND coalesce(b.began_at, b.first_seen) >= d.start_at
              AND coalesce(b.began_at, b.first_seen) < d.end_at OFFSET 0) b
      JOIN break_workflows w USING (break_id)
), lines AS (
    SELECT place, concat_ws(' ', break_id, state, difference, found) AS line,
           false AS is_in_round
      FROM of_days
    UNION ALL
    SELECT o.place, concat_ws(' ', a.id, a.state, a.amount),
           {IN_ROUND}
      FROM adjustments a JOIN of_days o USING (break_id)
     WHERE a.state <> 'rejected'
)
SELECT place, currency, count(*) FILTER (WHERE is_open) AS count,
       coalesce(sum(difference) FILTER (WHERE is_open AND difference > 0), 0) AS owed,
       coalesce(sum(difference) FILTER (WHERE is_open AND difference < 0), 0) AS owing,
       coalesce(-sum(difference) FILTER (WHERE found AND kind = ANY(:of_books)), 0)
           AS in_breaks, CAST(NULL AS text) AS digest
  FROM of_days GROUP BY place, currency
UNION ALL
SELECT place, '', count(*) FILTER (WHERE is_in_round), 0, 0, 0,
       md5(string_agg(line, E'\\n' ORDER BY line))
  FROM lines GROUP BY place
"""  # noqa: S608 - only constants are put in
#: The digest of a day without any break.
NO_LINES = "d41d8cd98f00b204e9800998ecf8427e"

#: Reads or remembers the sums of both sides of a provider's window. The stamp is what breaks
#: explain of their difference, how many of their corrections the rounds have, and what is known
#: of the state of the rows: sums that are kept have to be of the same time.
SidesReader = Callable[[Connection, str, Window, Hashable], BothSides]


@dataclass(frozen=True, slots=True)
class DayBreaks:
    """The breaks of a window of a provider.

    Attributes:
        money: by currency.
        digest: another one after any change of a break or correction.
        corrections: how many corrections of its breaks its rounds have.
        rows: what is known of the state of the window's rows; see ``row_versions``.
    """

    money: dict[str, OpenMoney] = field(default_factory=dict)
    digest: str = NO_LINES
    corrections: int = 0
    rows: Hashable = None

    @property
    def stamp(self) -> Hashable:
        """What the sums of both sides have to be of the same time as; see ``SidesReader``."""
        explained = sorted((code, part.in_breaks) for code, part in self.money.items())
        return self.corrections, tuple(explained), self.rows


#: Reads or remembers the breaks of windows of providers, in their order.
BreaksReader = Callable[[Connection, Sequence[tuple[str, Window]]], Sequence[DayBreaks]]


def read_sides(
    connection: Connection, provider: str, window: Window, _stamp: Hashable = None
) -> BothSides:
    """Add up both sides of a window as they are now."""
    params = {"provider": provider, "start": window.start, "end": window.end}
    ours = _side(connection, _OURS, params)
    with without_nested_loops(connection):
        theirs = _side(connection, _THEIRS, params)
    return BothSides(ours=ours, theirs=theirs)


def read_breaks(
    connection: Connection, windows: Sequence[tuple[str, Window]]
) -> list[DayBreaks]:
    """The breaks of windows of providers as they are now."""
    params = {
        "providers": [provider for provider, _ in windows],
        "starts": [window.start for _, window in windows],
        "ends": [window.end for _, window in windows],
        "of_books": [str(kind) for kind in OF_BOOKS],
        "settled": settled_states(),
    }
    money: list[dict[str, OpenMoney]] = [{} for _ in windows]
    digests, corrections = [NO_LINES] * len(windows), [0] * len(windows)
    rows = connection.execute(text(_BREAKS), params).all()
    for place, currency, count, owed, owing, in_breaks, digest in rows:
        if digest is not None:
            digests[place - 1], corrections[place - 1] = digest, count
        else:
            money[place - 1][currency] = OpenMoney(
                count=count, owed=int(owed), owing=int(owing), in_breaks=int(in_breaks)
            )
    return [DayBreaks(*of_day) for of_day in zip(money, digests, corrections, strict=True)]


def sides_since(
    connection: Connection,
    provider: str,
    window: Window,
    signed: DayFigures,
    since: datetime,
) -> BothSides:
    """Both sides of a window whose rows may have left for an archive.

    Args:
        connection: of the books.
        provider: the slug.
        window: of the rows.
        signed: both sides as people signed them.
        since: when they did; what was posted or received later is there, and is added.
    """
    params = {"provider": provider, "start": window.start, "end": window.end, "since": since}
    late = _side(connection, _OURS_SINCE, params)
    with without_nested_loops(connection):
        changed = _side(connection, _THEIRS_SINCE, params)
    return BothSides(ours=_sums(signed.ours, late), theirs=_sums(signed.theirs, changed))


def _sums(
    one: Mapping[str, SideTotals], other: Mapping[str, SideTotals]
) -> dict[str, SideTotals]:
    return {
        code: _sum(one.get(code, NO_TOTALS), other.get(code, NO_TOTALS))
        for code in sorted({*one, *other})
    }


def _sum(one: SideTotals, other: SideTotals) -> SideTotals:
    return SideTotals(
        rounds=one.rounds + other.rounds,
        stake=one.stake + other.stake,
        payout=one.payout + other.payout,
    )


def figures_of(
    connection: Connection, provider: str, window: Window, exponents: Mapping[str, int]
) -> DayFigures:
    """Add up both sides and the breaks of a window as they are now."""
    return figures_of_days(connection, [(provider, window, exponents)])[0]


def figures_of_days(
    connection: Connection,
    days: Sequence[tuple[str, Window, Mapping[str, int]]],
    *,
    sides: SidesReader = read_sides,
    breaks: BreaksReader = read_breaks,
) -> list[DayFigures]:
    """The figures of windows of providers, with the providers' overrides of decimal places."""
    breaks_of_days = breaks(connection, [(provider, window) for provider, window, _ in days])
    figures = []
    for (provider, window, exponents), of_day in zip(days, breaks_of_days, strict=True):
        both = sides(connection, provider, window, of_day.stamp)
        figures.append(
            DayFigures(
                ours=both.ours,
                theirs=both.theirs,
                breaks=of_day.money,
                state=of_day.digest,
                exponents=exponents,
                summed_at=both.summed_at,
            )
        )
    return figures


def _side(connection: Connection, sql: str, params: Mapping[str, Any]) -> dict[str, SideTotals]:
    rows = connection.execute(text(sql), dict(params))
    return {
        row.currency: SideTotals(
            rounds=row.rounds, stake=int(row.stake), payout=int(row.payout)
        )
        for row in rows
    }
