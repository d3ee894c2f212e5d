"""Cross-check: what our own journal shows that neither book does.

Each check is one query over the window, in the snapshot of the run, that selects few rows. A
finding does not change the bucket of a round's rows: both books may agree about a round whose
callback came twice with different content.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from breaks.kinds import BreakKind
from reconcile.findings.breaks import Break
from reconcile.findings.corrections import RoundCorrection, is_settled
from reconcile.findings.cross_check import (
    IS_SHARED,
    BrokenRounds,
    CrossCheckFinding,
    break_of,
    operation_evidence,
)
from reconcile.findings.explanations import owed
from reconcile.snapshot.snapshot import Snapshot
from vocabulary.currencies import digits_of
from vocabulary.money import text_from_minor

# A tombstone directly follows the operation that placed it. A later operation of its key was
# answered as rolled back, or else was booked beside the tombstone with a key of its own.
TOMBSTONES = """
SELECT s.op_key, s.round_id, s.match_key, s.wallet_id, s.wallet_seq, s.currency,
       s.received_at, p.op_key AS placed_by, p.kind::text AS placed_kind, w.player,
       l.times, l.deliveries, l.came_at,
       transaction_name(s.wallet_id, s.wallet_seq) AS transaction
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
# A key that conflicts on several days is one break, which began with the first of them.
CONFLICTS = """
SELECT d.op_key, count(*) AS times, min(d.received_at) AS known_at,
       (SELECT min(e.received_at) FROM deliveries e
         WHERE e.provider = {provider} AND e.op_key = d.op_key AND e.verdict = 'conflict')
       AS received_at,
       array_agg(d.delivery_id ORDER BY d.delivery_id) AS deliveries,
       o.round_id, o.match_key, o.wallet_id, o.wallet_seq, o.kind::text AS kind,
       o.decision::text AS decision, o.currency, w.player,
       transaction_name(o.wallet_id, o.wallet_seq) AS transaction
  FROM deliveries d
  LEFT JOIN operations o ON o.provider = d.provider AND o.op_key = d.op_key
  LEFT JOIN wallets w ON w.wallet_id = o.wallet_id
 WHERE d.provider = {provider} AND d.verdict = 'conflict' AND d.op_key IS NOT NULL
   AND d.received_at >= {start} AND d.received_at < {end}
 GROUP BY d.op_key, o.wallet_id, o.wallet_seq, w.player
 ORDER BY d.op_key
"""
# Of a wallet below zero: the operation after which it has been below zero ever since.
BELOW_ZERO = f"""
SELECT o.op_key, o.round_id, o.match_key, o.wallet_id, o.wallet_seq, o.kind::text AS kind,
       o.received_at, w.player, w.currency, w.balance,
       transaction_name(o.wallet_id, o.wallet_seq) AS transaction, {IS_SHARED.format(row="o")}
  FROM operations o JOIN wallets w USING (wallet_id)
 WHERE o.provider = {{provider}} AND o.balance_after < 0 AND o.balance_after - o.amount >= 0
   AND o.received_at >= {{start}} AND o.received_at < {{end}} AND w.balance < 0
   AND NOT EXISTS (SELECT FROM operations l
                    WHERE l.wallet_id = o.wallet_id AND l.wallet_seq > o.wallet_seq
                      AND l.balance_after >= 0)
 ORDER BY o.wallet_id
"""  # noqa: S608 - the constant above


def journal_breaks(
    snapshot: Snapshot,
    exponents: Mapping[str, int],
    round_breaks: Iterable[Break],
    corrections: Sequence[RoundCorrection] = (),
) -> list[Break]:
    """Find late originals, orphan rollbacks, conflicting repeats and negative balances.

    A round among ``round_breaks``, or corrected since, gets no further break, except
    that a wallet below zero is a state of the wallet whatever its rounds are.
    """
    provider, rounds = snapshot.provider, BrokenRounds.of(round_breaks)
    findings = [
        *(_tombstone(row, provider) for row in snapshot.query(TOMBSTONES)),
        *(_conflict(row, provider) for row in snapshot.query(CONFLICTS)),
        *(_below_zero(row, exponents) for row in snapshot.query(BELOW_ZERO)),
    ]
    return [
        break_of(finding, provider, snapshot.context.now)
        for finding in findings
        if finding is not None
        and (
            finding.kind is BreakKind.NEGATIVE_BALANCE
            or not (
                rounds.explain(finding.row["round_id"], finding.row["player"])
                or is_settled(finding.row, corrections)
            )
        )
    ]


def _tombstone(row: Mapping[str, Any], provider: str) -> CrossCheckFinding | None:
    by_rollback = row["placed_kind"] == "rollback"
    evidence = {**operation_evidence(row), "placed_by": row["placed_by"]}
    if row["times"]:
        return CrossCheckFinding(
            kind=BreakKind.LATE_ORIGINAL,
            row=row,
            subject=row["op_key"],
            evidence={**evidence, "deliveries": row["deliveries"]},
            explanation=f"{provider} sent {row['op_key']} after the"
            f" {'rollback' if by_rollback else 'round end'} that concerns it; it moved nothing,"
            " so no money is owed unless the history says otherwise.",
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


def _conflict(row: Mapping[str, Any], provider: str) -> CrossCheckFinding:
    times = "" if row["times"] == 1 else f" {row['times']} times"
    first = "" if row["decision"] is None else f", first {row['decision']},"
    return CrossCheckFinding(
        kind=BreakKind.IDEMPOTENCY_CONFLICT,
        row=row,
        subject=row["op_key"],
        evidence={**operation_evidence(row), "deliveries": row["deliveries"]},
        explanation=f"{provider} sent {row['op_key']}{first} again{times} with other"
        " content; the first version stands and the other moved nothing.",
    )


def _below_zero(row: Mapping[str, Any], exponents: Mapping[str, int]) -> CrossCheckFinding:
    exponent = digits_of(row["currency"], exponents)

    def money(minor: int) -> str:
        return f"{text_from_minor(minor, exponent)} {row['currency']}"

    return CrossCheckFinding(
        kind=BreakKind.NEGATIVE_BALANCE,
        row=row,
        difference=row["balance"],
        evidence=operation_evidence(row),
        explanation=f"The {row['kind'].replace('_', ' ')} {row['op_key']} left the wallet of"
        f" {row['player']} below zero and it still is, at {money(row['balance'])};"
        f" {owed(row['balance'], money)}.",
    )
