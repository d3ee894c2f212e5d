"""What witnesses besides the two books say: the chain of each wallet, and our own journal.

Each question is one query over the window, in the snapshot of the run, that finds few rows of
many. What is found does not change where a round's rows end: the two books may agree about a
round whose callback was changed on its way, or whose balance the provider tells wrong.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from breaks.kinds import OF_BOOKS, BreakKind, impact_of
from reconcile.findings.breaks import Break, break_id
from reconcile.findings.explanations import owed
from reconcile.snapshot.snapshot import Snapshot
from vocabulary.ids import transaction_id
from vocabulary.money import exponent_of, text_from_minor

#: ISO 4217's code for no currency: what an operation that nobody booked was in.
NO_CURRENCY = "XXX"

# A tombstone stands right behind the operation that placed it. What came for its key later was
# answered as rolled back, unless it could not be: then it stands beside the tombstone.
_TOMBSTONES = """
SELECT s.op_key, s.round_id, s.match_key, s.wallet_id, s.wallet_seq, s.currency,
       s.received_at, p.op_key AS placed_by, p.kind::text AS placed_kind, w.player,
       l.times, l.deliveries, l.came_at
  FROM operations s JOIN wallets w USING (wallet_id)
  JOIN operations p ON p.wallet_id = s.wallet_id AND p.wallet_seq = s.wallet_seq - 1
 CROSS JOIN LATERAL (
       SELECT count(*) AS times, min(d.received_at) AS came_at,
              array_agg(d.delivery_id ORDER BY d.delivery_id) AS deliveries
         FROM deliveries d
        WHERE d.provider = s.provider AND d.op_key = s.op_key AND d.verdict = 'rolled_back') l
 WHERE s.provider = {provider} AND s.kind = 'tombstone'
   AND s.received_at >= {start} AND s.received_at < {end}
   AND NOT EXISTS (SELECT FROM operations late
                    WHERE late.provider = s.provider
                      AND late.op_key = s.op_key || chr(160) || '(late)')
 ORDER BY s.wallet_id, s.wallet_seq
"""
_CONFLICTS = """
SELECT d.op_key, count(*) AS times, min(d.received_at) AS received_at,
       array_agg(d.delivery_id ORDER BY d.delivery_id) AS deliveries,
       o.round_id, o.match_key, o.wallet_id, o.wallet_seq, o.kind::text AS kind,
       o.decision::text AS decision, o.currency, w.player
  FROM deliveries d
  LEFT JOIN operations o ON o.provider = d.provider AND o.op_key = d.op_key
  LEFT JOIN wallets w ON w.wallet_id = o.wallet_id
 WHERE d.provider = {provider} AND d.verdict = 'conflict' AND d.op_key IS NOT NULL
   AND d.received_at >= {start} AND d.received_at < {end}
 GROUP BY d.op_key, o.wallet_id, o.wallet_seq, w.player
 ORDER BY d.op_key
"""
# The operation after which a wallet that is below zero now has been below zero ever since.
_BELOW_ZERO = """
SELECT o.op_key, o.round_id, o.match_key, o.wallet_id, o.wallet_seq, o.kind::text AS kind,
       o.received_at, w.player, w.currency, w.balance
  FROM operations o JOIN wallets w USING (wallet_id)
 WHERE o.provider = {provider} AND o.balance_after < 0 AND o.balance_after - o.amount >= 0
   AND o.received_at >= {start} AND o.received_at < {end} AND w.balance < 0
   AND NOT EXISTS (SELECT FROM operations l
                    WHERE l.wallet_id = o.wallet_id AND l.wallet_seq > o.wallet_seq
                      AND l.balance_after >= 0)
 ORDER BY o.wallet_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossCheckFinding:
    """A finding in the making; ``money`` words an amount in its currency."""

    kind: BreakKind
    row: Mapping[str, Any]
    explanation: str
    difference: int = 0
    subject: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


def journal_breaks(
    books: Snapshot,
    provider: str,
    exponents: Mapping[str, int],
    now: datetime,
    *,
    known: Iterable[Break],
) -> list[Break]:
    """What our own journal of the window says that neither book tells.

    What happened to a round whose rows differ is ``known`` by that; a wallet below zero is a
    state of the wallet, whatever its rounds say.
    """
    told = {each.round_id for each in known if each.kind in OF_BOOKS}
    found = [
        *map(_tombstone(provider), books.rows(_TOMBSTONES)),
        *map(_conflict(provider), books.rows(_CONFLICTS)),
        *(_below_zero(row, exponents) for row in books.rows(_BELOW_ZERO)),
    ]
    return [
        break_of(each, provider, now)
        for each in found
        if each is not None
        and (each.kind is BreakKind.NEGATIVE_BALANCE or each.row["round_id"] not in told)
    ]


def break_of(each: CrossCheckFinding, provider: str, now: datetime) -> Break:
    """The break that a finding is. Its row names round, key, player, currency and instant."""
    row = each.row
    round_id = row["round_id"] or row.get("op_key") or ""
    currency = row["currency"] or NO_CURRENCY
    return Break(
        id=break_id(provider, each.kind, round_id, currency, each.subject),
        kind=each.kind,
        impact=impact_of(each.difference),
        player=row["player"] or "",
        currency=currency,
        round_id=round_id,
        match_key=row["match_key"] or 0,
        ours=None,
        theirs=None,
        difference=each.difference,
        at=row["received_at"],
        first_seen=now,
        explanation=each.explanation,
        subject=each.subject,
        evidence=each.evidence,
    )


def place(row: Mapping[str, Any]) -> dict[str, Any]:
    """Where in the books an operation stands."""
    if row.get("wallet_id") is None:
        return {"operations": [row["op_key"]]}
    return {
        "operations": [row["op_key"]],
        "transactions": [transaction_id(row["wallet_id"], row["wallet_seq"])],
    }


def _tombstone(provider: str) -> Any:
    def found(row: Mapping[str, Any]) -> CrossCheckFinding | None:
        by_rollback = row["placed_kind"] == "rollback"
        what = "rollback" if by_rollback else "round end"
        evidence = {**place(row), "placed_by": row["placed_by"]}
        if row["times"]:
            return CrossCheckFinding(
                kind=BreakKind.LATE_ORIGINAL,
                row=row,
                subject=row["op_key"],
                evidence={**evidence, "deliveries": row["deliveries"]},
                explanation=f"{provider} sent {row['op_key']} after the {what} that concerns"
                " it; it moved nothing, so no money is owed unless the history says otherwise.",
            )
        if not by_rollback:
            # A bet that never came shows in the control totals of its round's end.
            return None
        return CrossCheckFinding(
            kind=BreakKind.ORPHAN_ROLLBACK,
            row=row,
            subject=row["op_key"],
            evidence=evidence,
            explanation=f"{provider} rolled back {row['op_key']}, which has never reached us;"
            " nothing was booked, so no money is owed.",
        )

    return found


def _conflict(provider: str) -> Any:
    def found(row: Mapping[str, Any]) -> CrossCheckFinding:
        times = "" if row["times"] == 1 else f" {row['times']} times"
        first = "" if row["decision"] is None else f", first {row['decision']},"
        return CrossCheckFinding(
            kind=BreakKind.IDEMPOTENCY_CONFLICT,
            row=row,
            subject=row["op_key"],
            evidence={**place(row), "deliveries": row["deliveries"]},
            explanation=f"{provider} sent {row['op_key']}{first} again{times} with other"
            " content; the first telling stands and the other moved nothing.",
        )

    return found


def _below_zero(row: Mapping[str, Any], exponents: Mapping[str, int]) -> CrossCheckFinding:
    exponent = exponent_of(row["currency"], exponents)

    def money(minor: int) -> str:
        return f"{text_from_minor(minor, exponent)} {row['currency']}"

    return CrossCheckFinding(
        kind=BreakKind.NEGATIVE_BALANCE,
        row=row,
        difference=row["balance"],
        evidence=place(row),
        explanation=f"The {row['kind'].replace('_', ' ')} {row['op_key']} left the wallet of"
        f" {row['player']} below zero and it still is, at {money(row['balance'])};"
        f" {owed(row['balance'], money)}.",
    )


def by_wallet(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Rows ordered by wallet, wallet by wallet."""
    start = 0
    for place_, row in enumerate(rows):
        if row["wallet_id"] != rows[start]["wallet_id"]:
            yield rows[start:place_]
            start = place_
    if rows:
        yield rows[start:]
