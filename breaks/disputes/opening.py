"""Open a dispute: put breaks of one provider before it; from then on they wait for it.

Tables written: ``disputes``, ``dispute_lines``, ``break_workflows``, ``audit``; ``rounds``,
``feed_records`` and ``handles`` are read.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Engine, text

from breaks.disputes.model import Dispute
from breaks.disputes.store import get_dispute
from breaks.states import STEPS, ActionRefused, BreakState
from breaks.store import TrackedBreak, lock_break, move_break, require_text, transaction
from storage.audit import record
from vocabulary.currencies import digits_of
from vocabulary.ids import match_key
from vocabulary.money import minor_from_text

#: The most lines of a dispute: what a person can answer, and a pack can hold.
LINES_MAX = 10_000
#: Refusals that an error lists.
_LISTED_MAX = 5
_DISPUTE = """
INSERT INTO disputes (dispute_id, provider, note, opened_by, opened_at)
VALUES (:id, :provider, :note, :by, :now)
"""
_LINE = """
INSERT INTO dispute_lines (dispute_id, line, break_id, round_id, alias, kind, currency,
                           our_stake, our_payout, their_stake, their_payout, difference,
                           began_at)
VALUES (:id, :line, :break_id, :round_id, :alias, :kind, :currency, :our_stake, :our_payout,
        :their_stake, :their_payout, :difference, :began_at)
"""
# Disputes that a waiting break is part of; since the break waits for another reason again, it
# is none of theirs.
_CURRENT = """
SELECT d.dispute_id, a.answer
  FROM dispute_lines l JOIN disputes d USING (dispute_id)
  LEFT JOIN dispute_answers a USING (dispute_id, line)
 WHERE l.break_id = :break_id AND d.opened_at >= :since ORDER BY d.opening_no DESC LIMIT 1
"""
# The sides of a break that has none of its own, such as a record that changed after the close.
_OURS = """
SELECT sum(stake)::bigint AS stake, sum(payout)::bigint AS payout FROM rounds
 WHERE match_key = :key AND provider = :provider AND round_id = :round_id
   AND currency = :currency
"""
# A player's round with any rolled back record moved nothing, whatever its other records hold.
_THEIRS = """
SELECT sum(CASE WHEN is_undone THEN 0 ELSE stake END)::bigint AS stake,
       sum(CASE WHEN is_undone THEN 0 ELSE payout END)::bigint AS payout
  FROM (SELECT f.currency, f.stake, f.payout,
               bool_or(f.rolled_back) OVER (PARTITION BY coalesce(h.player, f.handle))
                 AS is_undone
          FROM feed_records f LEFT JOIN handles h USING (provider, handle)
         WHERE f.match_key = :key AND f.provider = :provider AND f.round_id = :round_id) r
 WHERE currency = :currency
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedDispute:
    """A dispute that was just opened.

    Attributes:
        left_out: why breaks of the selection are no part of it, with their number.
    """

    dispute: Dispute
    left_out: Mapping[str, int]


def open_dispute(
    engine: Engine,
    break_ids: Sequence[str],
    *,
    by: str,
    now: datetime,
    note: str = "",
    exponents: Mapping[str, Mapping[str, int]],
    named: bool,
) -> OpenedDispute:
    """Open a dispute of these breaks; each waits for the provider from now on.

    Args:
        engine: of the database.
        break_ids: of one provider.
        by: the person who opens it.
        now: the instant of the dispute.
        note: to the provider; printed in the pack.
        exponents: by provider, its overrides of digits after the decimal point.
        named: each break was asked for by its id, so that one which cannot be disputed
            refuses all; else such breaks are left out.

    Raises:
        ActionRefused: no break can be disputed, or one that was named cannot; breaks of several
            providers; too many. Nothing was changed.
        Unavailable: the database is out of reach.
    """
    require_text(by=by)
    with transaction(engine) as connection:
        breaks = [lock_break(connection, name) for name in sorted(set(break_ids))]
        reasons = refusals_of(connection, breaks)
        chosen = [break_ for break_ in breaks if break_.break_id not in reasons]
        _check(chosen, reasons, named=named)
        name = f"dsp-{uuid4().hex[:20]}"
        provider = chosen[0].provider
        params = {"id": name, "provider": provider, "note": note, "by": by, "now": now}
        connection.execute(text(_DISPUTE), params)
        why = f"disputed with {provider} in {name}"
        for break_ in chosen:
            _await(connection, break_, by=by, now=now, why=why)
        digits = exponents.get(provider, {})
        connection.execute(text(_LINE), _line_rows(connection, name, chosen, digits))
        detail = {"provider": provider, "lines": len(chosen), "note": note}
        record(connection, by, "dispute.opened", name, detail)
        dispute = get_dispute(connection, name)
    return OpenedDispute(dispute=dispute, left_out=Counter(reasons.values()))


def left_out_of(engine: Engine, break_ids: Sequence[str]) -> Mapping[str, int]:
    """Why breaks of a selection cannot be disputed now, with their number; changes nothing.

    Raises:
        ActionRefused: there is no such break.
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        breaks = [lock_break(connection, name) for name in sorted(set(break_ids))]
        return Counter(refusals_of(connection, breaks).values())


def refusals_of(connection: Connection, breaks: Sequence[TrackedBreak]) -> dict[str, str]:
    """By break, why it cannot be disputed now."""
    reasons = {break_.break_id: _refusal_of(connection, break_) for break_ in breaks}
    return {name: reason for name, reason in reasons.items() if reason is not None}


def _check(chosen: Sequence[TrackedBreak], reasons: Mapping[str, str], *, named: bool) -> None:
    if reasons and (named or not chosen):
        listed = "; ".join(
            f"{name} {reason}" for name, reason in list(reasons.items())[:_LISTED_MAX]
        )
        more = f"; and {len(reasons) - _LISTED_MAX} more" if len(reasons) > _LISTED_MAX else ""
        raise ActionRefused(f"these breaks cannot be disputed: {listed}{more}")
    if not chosen:
        raise ActionRefused("no break matches, so there is nothing to dispute")
    providers = sorted({break_.provider for break_ in chosen})
    if len(providers) > 1:
        raise ActionRefused(
            f"a dispute is one provider's, these breaks are of {', '.join(providers)}"
        )
    if len(chosen) > LINES_MAX:
        raise ActionRefused(
            f"a dispute has at most {LINES_MAX} breaks, these are {len(chosen)}: open one for"
            " each day"
        )


def _refusal_of(connection: Connection, break_: TrackedBreak) -> str | None:
    """Why a break cannot be disputed now; None: it can."""
    if break_.effects.invoice == 0:
        return "changes no money between the provider and us"
    if break_.cleared_at is not None:
        return "is no longer found"
    if break_.state is not BreakState.WAITING:
        can_wait = BreakState.WAITING in STEPS[break_.state]
        return None if can_wait else f"is {break_.state.replace('_', ' ')}"
    params = {"break_id": break_.break_id, "since": break_.since}
    current = connection.execute(text(_CURRENT), params).one_or_none()
    if current is None or current.answer == "rejected":
        return None
    return f"is in {current.dispute_id} already"


def _await(
    connection: Connection, break_: TrackedBreak, *, by: str, now: datetime, why: str
) -> None:
    """Let a break wait for the provider; one that waits already only gets its audit row."""
    if break_.state is BreakState.WAITING:
        record(connection, by, "break.disputed", break_.break_id, {"why": why})
        return
    move_break(
        connection, break_, BreakState.WAITING, by=by, now=now, action="disputed", why=why
    )


def _line_rows(
    connection: Connection,
    dispute_id: str,
    breaks: Iterable[TrackedBreak],
    exponents: Mapping[str, int],
) -> list[dict[str, object]]:
    ordered = sorted(breaks, key=_order)
    return [
        {
            "id": dispute_id,
            "line": line,
            "break_id": break_.break_id,
            "round_id": break_.round_id,
            "alias": break_.alias,
            "kind": break_.kind,
            "currency": break_.currency,
            "difference": break_.effects.invoice,
            "began_at": break_.began_at,
            **_sides(connection, break_, digits_of(break_.currency, exponents)),
        }
        for line, break_ in enumerate(ordered, start=1)
    ]


def _order(break_: TrackedBreak) -> tuple[datetime, str]:
    return break_.began_at or break_.first_seen, break_.break_id


def _sides(connection: Connection, break_: TrackedBreak, digits: int) -> dict[str, int | None]:
    """What either side has of the round, minor units; None for what it has not."""
    ours, theirs = _minor(break_.ours, digits), _minor(break_.theirs, digits)
    if break_.ours is None and break_.theirs is None:
        params = {
            "key": match_key(break_.provider, break_.round_id),
            "provider": break_.provider,
            "round_id": break_.round_id,
            "currency": break_.currency,
        }
        ours = dict(connection.execute(text(_OURS), params).mappings().one())
        theirs = dict(connection.execute(text(_THEIRS), params).mappings().one())
    return {
        **{f"our_{name}": ours[name] for name in ("stake", "payout")},
        **{f"their_{name}": theirs[name] for name in ("stake", "payout")},
    }


def _minor(side: Mapping[str, Any] | None, digits: int) -> dict[str, int | None]:
    if side is None:
        return {"stake": None, "payout": None}
    return {name: minor_from_text(str(side[name]), digits) for name in ("stake", "payout")}
