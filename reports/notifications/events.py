"""The new events of a rule: one query for each kind of event.

An event has a key that stays the same while its cause lasts, so the outbox takes it once.
Amounts are written as their currency is; players are named only where the rule allows it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from breaks.kinds import Impact
from breaks.policy import SlaRule, due_at
from breaks.states import settled_states
from feeds.finding_kinds import FindingKind
from feeds.freshness import freshness_of, is_stale
from reports.grid import WHO_OWES, readable
from reports.notifications.event import NOT_TAKEN, OF_PROVIDERS, Circumstances, Event, taking
from reports.notifications.mentions import mentions
from reports.notifications.rules import EventKind, NotifyRule
from vocabulary.clock import iso
from vocabulary.plurals import plural

_UNSETTLED = f"""
SELECT b.break_id || '/' || l.reopened AS event_key, b.break_id, b.provider, b.kind, b.impact,
       b.currency, b.difference, b.player, b.round_id, l.opened_at
  FROM breaks b JOIN break_workflows l USING (break_id)
 WHERE b.cleared_at IS NULL AND l.state <> 'closed' AND l.state <> ALL (:settled)
   {NOT_TAKEN.format(key="b.break_id || '/' || l.reopened")}
   {OF_PROVIDERS.format(provider="b.provider")}
"""  # noqa: S608 - only constants are put in
# Only breaks that are old enough for the shortest rule are read, by their index.
_DUE = f"""
{_UNSETTLED}
   AND l.opened_at <= :youngest
   AND EXISTS (
       SELECT FROM unnest(CAST(:impacts AS text[]), CAST(:currencies AS text[]),
                          CAST(:minimums AS bigint[]), CAST(:cutoffs AS timestamptz[]))
                   AS r (impact, currency, minimum, cutoff)
        WHERE r.impact = b.impact AND l.opened_at <= r.cutoff
          AND (r.currency IS NULL
               OR (r.currency = b.currency AND abs(b.difference) >= r.minimum)))
 ORDER BY l.opened_at, b.break_id LIMIT :limit
"""
_MONEY_BREAKS = f"""
SELECT * FROM ({_UNSETTLED}) b
 WHERE difference <> 0 AND abs(difference) >= coalesce((
           SELECT minimum FROM unnest(CAST(:currencies AS text[]), CAST(:minimums AS bigint[]))
                        AS r (currency, minimum)
            WHERE r.currency = b.currency), 0)
 ORDER BY opened_at, break_id LIMIT :limit
"""  # noqa: S608 - as above
# Disputes with a line that nobody answered, and whose break still waits for the provider.
_UNANSWERED = f"""
SELECT d.dispute_id || '/' || p.number AS event_key, d.dispute_id, d.provider, p.due_at
  FROM disputes d
  JOIN (SELECT DISTINCT ON (dispute_id) dispute_id, number, due_at FROM dispute_exports
         ORDER BY dispute_id, number DESC) p USING (dispute_id)
 WHERE p.due_at <= :before
   AND EXISTS (SELECT FROM dispute_lines l
                 JOIN break_workflows w USING (break_id)
                 LEFT JOIN dispute_answers a USING (dispute_id, line)
                WHERE l.dispute_id = d.dispute_id AND a.answer IS NULL
                  AND w.state = 'waiting' AND w.since <= d.opened_at)
   {NOT_TAKEN.format(key="d.dispute_id || '/' || p.number")}
   {OF_PROVIDERS.format(provider="d.provider")}
 ORDER BY p.due_at, d.dispute_id LIMIT :limit
"""  # noqa: S608 - as above
_CHANGED = f"""
SELECT finding_id AS event_key, provider, currency, difference, record_id, detail
  FROM feed_findings
 WHERE resolved_at IS NULL AND kind = :finding_kind
   {NOT_TAKEN.format(key="finding_id")}
   {OF_PROVIDERS.format(provider="provider")}
 ORDER BY first_seen, finding_id LIMIT :limit
"""  # noqa: S608 - as above
# Everything that one person proposed and another decides; limits have no amount.
_PROPOSED = f"""
SELECT * FROM (
    SELECT id AS event_key, coalesce(provider, '') AS provider, player, currency, amount,
           proposed_by, proposed_at, 'a correction' AS what
      FROM adjustments WHERE state = 'proposed'
    UNION ALL
    SELECT write_off_id, provider, NULL, currency, amount, proposed_by, proposed_at,
           'a write-off'
      FROM write_offs WHERE state = 'proposed'
    UNION ALL
    SELECT request_id, '', player, currency, abs(amount), proposed_by, proposed_at,
           CASE WHEN amount > 0 THEN 'a deposit' ELSE 'a withdrawal' END
      FROM fund_requests WHERE state = 'proposed'
    UNION ALL
    SELECT 'limits ' || left(digest, 12) || '/' || version_id, '', NULL, NULL, NULL,
           proposed_by, proposed_at, 'other limits of people'
      FROM limit_versions WHERE state = 'proposed') p
 WHERE true {NOT_TAKEN.format(key="p.event_key")}
   {OF_PROVIDERS.format(provider="p.provider")}
 ORDER BY proposed_at, event_key LIMIT :limit
"""  # noqa: S608 - as above
# Of a close that somebody prepared or signed, nothing waits: a new rule would tell all of them.
_CLOSED = f"""
SELECT provider || '/' || business_day || '/' || close_no AS event_key, provider,
       business_day, run_id
  FROM day_closes c
 WHERE NOT EXISTS (SELECT FROM day_steps s
                    WHERE s.provider = c.provider AND s.business_day = c.business_day
                      AND s.close_no = c.close_no AND s.action IN ('prepared', 'signed'))
   {NOT_TAKEN.format(key="provider || '/' || business_day || '/' || close_no")}
   {OF_PROVIDERS.format(provider="provider")}
 ORDER BY closed_at, provider LIMIT :limit
"""  # noqa: S608 - as above
_SIGNED = f"""
SELECT provider || '/' || business_day || '/' || number AS event_key, provider, business_day,
       by_name
  FROM day_steps
 WHERE action = 'signed'
   {NOT_TAKEN.format(key="provider || '/' || business_day || '/' || number")}
   {OF_PROVIDERS.format(provider="provider")}
 ORDER BY at, provider LIMIT :limit
"""  # noqa: S608 - as above
# A cause that returns after all of its work was done is told again; not one of which only the
# first work was done.
_PARKED = """
SELECT * FROM (
    SELECT job || '/' || fingerprint || '/' || min(parked_id) AS event_key, job, fingerprint,
           min(cause) AS cause, count(*) AS subjects, min(parked_at) AS first_at
      FROM parked GROUP BY job, fingerprint) p
 WHERE NOT EXISTS (SELECT FROM notification_events e
                    WHERE e.rule = :rule AND e.kind = :kind AND e.taken_at >= p.first_at
                      AND starts_with(e.event_key || '/', p.job || '/' || p.fingerprint || '/'))
 ORDER BY first_at, event_key LIMIT :limit
"""


def new_events(
    connection: Connection, rule: NotifyRule, circumstances: Circumstances
) -> list[Event]:
    """The events of a rule that it has not taken yet."""
    return [
        event
        for kind in EventKind
        if kind in rule.when
        for event in _SOURCES[kind](connection, rule, circumstances)
    ]


def _breaks(
    connection: Connection, rule: NotifyRule, circumstances: Circumstances
) -> Iterator[Event]:
    parameters = {
        **taking(rule, EventKind.BREAK),
        "settled": settled_states(),
        "currencies": list(rule.over),
        "minimums": list(rule.over.values()),
    }
    for row in connection.execute(text(_MONEY_BREAKS), parameters):
        money = circumstances.money(row.provider, abs(row.difference), row.currency)
        who = f" Player {row.player}." if rule.players and row.player else ""
        yield Event(
            kind=EventKind.BREAK,
            key=row.event_key,
            provider=row.provider,
            sentence=f"{readable(row.kind).capitalize()} of {money}:"
            f" {WHO_OWES[row.impact]}. Round {row.round_id}.{who}",
            subject=row.break_id,
        )


def _overdue(
    connection: Connection, rule: NotifyRule, circumstances: Circumstances
) -> Iterator[Event]:
    yield from _overdue_breaks(connection, rule, circumstances)
    yield from _overdue_disputes(connection, rule, circumstances)


def _overdue_disputes(
    connection: Connection, rule: NotifyRule, circumstances: Circumstances
) -> Iterator[Event]:
    before = circumstances.now + rule.overdue_within
    parameters = {**taking(rule, EventKind.OVERDUE), "before": before}
    for row in connection.execute(text(_UNANSWERED), parameters):
        yield Event(
            kind=EventKind.OVERDUE,
            key=row.event_key,
            provider=row.provider,
            sentence=f"An answer of {row.provider} to a dispute"
            f" {_due_words(row.due_at, circumstances.now)}.",
            subject=row.dispute_id,
        )


def _due_words(due: datetime, now: datetime) -> str:
    state = "is overdue since" if due <= now else "is due at"
    return f"{state} {iso(due)}"


def _overdue_breaks(
    connection: Connection, rule: NotifyRule, circumstances: Circumstances
) -> Iterator[Event]:
    horizon = circumstances.now + rule.overdue_within
    cutoffs = _cutoffs(circumstances.sla, horizon)
    if not cutoffs:
        return
    parameters = {
        **taking(rule, EventKind.OVERDUE),
        "settled": settled_states(),
        "youngest": max(cutoff for *_, cutoff in cutoffs),
        **dict(zip(_RULE_COLUMNS, map(list, zip(*cutoffs, strict=True)), strict=True)),
    }
    for row in connection.execute(text(_DUE), parameters):
        due = due_at(
            circumstances.sla,
            Impact(row.impact),
            row.currency,
            row.difference,
            row.opened_at,
        )
        if due is not None and due <= horizon:
            yield Event(
                kind=EventKind.OVERDUE,
                key=row.event_key,
                provider=row.provider,
                sentence=f"{readable(row.kind).capitalize()}"
                f" {_due_words(due, circumstances.now)}.",
                subject=row.break_id,
            )


_RULE_COLUMNS = ("impacts", "currencies", "minimums", "cutoffs")


def _cutoffs(
    rules: Sequence[SlaRule], horizon: datetime
) -> list[tuple[str, str | None, int | None, datetime]]:
    """By impact, currency and least amount: breaks opened until then are due by the horizon."""
    return [
        (str(rule.impact), currency, minimum, horizon - rule.within)
        for rule in rules
        for currency, minimum in (rule.min_amount.items() or [(None, None)])
    ]


def _missed(
    connection: Connection, rule: NotifyRule, circumstances: Circumstances
) -> Iterator[Event]:
    for provider, stale_after in circumstances.stale_after.items():
        if stale_after is None or not rule.is_about(provider):
            continue
        for key, sentence in _silences(connection, provider, stale_after, circumstances):
            taken = text("SELECT 1 WHERE true" + NOT_TAKEN.format(key=":key"))
            parameters = {"rule": rule.name, "kind": EventKind.FEED_MISSED, "key": key}
            if connection.execute(taken, parameters).first():
                yield Event(
                    kind=EventKind.FEED_MISSED,
                    key=key,
                    provider=provider,
                    sentence=f"{sentence}; {stale_after} is the longest silence that the"
                    " settings allow.",
                    subject=provider,
                )


def _silences(
    connection: Connection,
    provider: str,
    stale_after: timedelta,
    circumstances: Circumstances,
) -> Iterator[tuple[str, str]]:
    """The key and the sentence of every stale feed; of the provider if it never had a feed."""
    now = circumstances.now
    pushes = provider in circumstances.pushing
    feeds = freshness_of(connection, provider, now, pushes=pushes)
    if not feeds:
        yield f"{provider}/since ever", "No feed has ever brought anything"
    for feed in feeds:
        if is_stale([feed.lateness(now)], stale_after):
            since = iso(feed.watermark or feed.read_at)
            key = f"{provider}/{feed.feed}/since {since}"
            yield key, f"The feed {feed.feed} has brought nothing newer since {since}"


def _changed(
    connection: Connection, rule: NotifyRule, circumstances: Circumstances
) -> Iterator[Event]:
    parameters = {
        **taking(rule, EventKind.CHANGED_SINCE_SIGN_OFF),
        "finding_kind": FindingKind.RESTATED_AFTER_CLOSE,
    }
    for row in connection.execute(text(_CHANGED), parameters):
        money = ""
        if row.difference and row.currency:
            money = f" by {circumstances.money(row.provider, row.difference, row.currency)}"
        yield Event(
            kind=EventKind.CHANGED_SINCE_SIGN_OFF,
            key=row.event_key,
            provider=row.provider,
            sentence=f"Record {row.record_id} of a signed day changed{money}.",
            subject=row.record_id or row.event_key,
        )


def _proposed(
    connection: Connection, rule: NotifyRule, circumstances: Circumstances
) -> Iterator[Event]:
    parameters = taking(rule, EventKind.APPROVAL_WANTED)
    for row in connection.execute(text(_PROPOSED), parameters):
        amount = ""
        if row.amount is not None:
            amount = f" of {circumstances.money(row.provider, row.amount, row.currency)}"
        who = f" for player {row.player}" if rule.players and row.player else ""
        yield Event(
            kind=EventKind.APPROVAL_WANTED,
            key=row.event_key,
            provider=row.provider,
            sentence=f"{row.proposed_by} proposes {row.what}{amount}{who}; a second person"
            " decides.",
            subject=row.event_key.partition("/")[0],
        )


def _closed(connection: Connection, rule: NotifyRule, _: Circumstances) -> Iterator[Event]:
    for row in connection.execute(text(_CLOSED), taking(rule, EventKind.DAY_READY)):
        yield Event(
            kind=EventKind.DAY_READY,
            key=row.event_key,
            provider=row.provider,
            sentence=f"The business day {row.business_day} is closed by"
            f" {row.run_id or 'hand'} and waits to be prepared and signed.",
            subject=f"{row.provider} {row.business_day}",
        )


def _signed(connection: Connection, rule: NotifyRule, _: Circumstances) -> Iterator[Event]:
    for row in connection.execute(text(_SIGNED), taking(rule, EventKind.DAY_SIGNED)):
        yield Event(
            kind=EventKind.DAY_SIGNED,
            key=row.event_key,
            provider=row.provider,
            sentence=f"{row.by_name} signed the business day {row.business_day}.",
            subject=f"{row.provider} {row.business_day}",
        )


def _parked(connection: Connection, rule: NotifyRule, _: Circumstances) -> Iterator[Event]:
    for row in connection.execute(text(_PARKED), taking(rule, EventKind.PARKED)):
        yield Event(
            kind=EventKind.PARKED,
            key=row.event_key,
            provider="",
            sentence=f"{row.subjects} of job {row.job} {plural(row.subjects, 'is', 'are')}"
            f" set aside: {row.cause}.",
            subject=row.fingerprint,
        )


_Source = Callable[[Connection, NotifyRule, Circumstances], Iterator[Event]]
_SOURCES: Mapping[EventKind, _Source] = {
    EventKind.BREAK: _breaks,
    EventKind.OVERDUE: _overdue,
    EventKind.FEED_MISSED: _missed,
    EventKind.CHANGED_SINCE_SIGN_OFF: _changed,
    EventKind.APPROVAL_WANTED: _proposed,
    EventKind.DAY_READY: _closed,
    EventKind.DAY_SIGNED: _signed,
    EventKind.PARKED: _parked,
    EventKind.MENTIONED: mentions,
}
