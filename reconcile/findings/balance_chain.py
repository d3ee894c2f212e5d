"""Cross-check: the provider's balances against the chain of each wallet.

If a feed reports the balance before a round, it must equal the balance of our wallet before the
round's first operation. A provider whose balance is off stays off by the same amount until
something else happens. Only the changes of that shift are breaks, each at the round where it
first shows. A balance that is off for a single round is one break, not two.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from typing import Any

from breaks.kinds import BreakKind
from reconcile.findings.breaks import Break
from reconcile.findings.corrections import (
    RoundCorrection,
    balance_shifts,
    corrected_amounts,
)
from reconcile.findings.cross_check import (
    IS_SHARED,
    BrokenRounds,
    CrossCheckFinding,
    break_of,
    operation_evidence,
)
from reconcile.snapshot.snapshot import Snapshot
from vocabulary.currencies import digits_of
from vocabulary.maturity import as_ages
from vocabulary.money import text_from_minor

# Most feeds report no balances: finding that out takes less than planning the query of steps.
ANY_BALANCE = """
SELECT EXISTS (SELECT FROM feed_records f
                WHERE f.provider = {provider}
                  AND f.created_at >= {start} AND f.created_at < {end}
                  AND f.balance_before IS NOT NULL AND f.occurrence = 1 AND NOT f.rolled_back)
       AS is_reported
"""
STEPS = f"""
WITH reported AS (
  SELECT f.match_key, f.round_id, f.record_id, f.balance_before, w.wallet_id
    FROM feed_records f LEFT JOIN handles h USING (provider, handle)
    JOIN wallets w ON w.player = coalesce(h.player, f.handle) AND w.currency = f.currency
   WHERE f.provider = {{provider}} AND f.created_at >= {{start}} AND f.created_at < {{end}}
     AND f.balance_before IS NOT NULL AND f.occurrence = 1 AND NOT f.rolled_back
), firsts AS (
  SELECT DISTINCT ON (o.match_key, o.round_id, o.wallet_id)
         o.match_key, o.round_id, o.wallet_id, o.wallet_seq, o.op_key, o.received_at,
         o.balance_after - o.amount AS booked, t.record_id, t.balance_before AS reported
    FROM reported t
    JOIN rounds r ON r.match_key = t.match_key AND r.round_id = t.round_id
                 AND r.wallet_id = t.wallet_id
                 AND r.provider IS NOT DISTINCT FROM {{provider}}
    JOIN operations o ON o.wallet_id = r.wallet_id AND o.match_key = r.match_key
                     AND o.round_id = r.round_id
                     AND o.provider IS NOT DISTINCT FROM r.provider
   -- A correction is booked long after the balance that the provider reports of the round.
   WHERE o.decision = 'accepted' AND o.kind NOT IN ('tombstone', 'adjustment')
   ORDER BY o.match_key, o.round_id, o.wallet_id, o.wallet_seq
), shifts AS (
  SELECT *, reported - booked AS shift,
         lag(reported - booked, 1, 0::bigint) OVER chain AS previous_shift,
         lead(reported - booked) OVER chain AS next_shift
    FROM firsts WINDOW chain AS (PARTITION BY wallet_id ORDER BY wallet_seq)
)
SELECT s.*, w.player, w.currency, transaction_name(wallet_id, wallet_seq) AS transaction,
{IS_SHARED.format(row="s")}
  FROM shifts s JOIN wallets w USING (wallet_id)
 WHERE shift <> previous_shift ORDER BY wallet_id, wallet_seq
"""  # noqa: S608 - the constant of another module


@dataclass(frozen=True, slots=True)
class BalanceGap:
    """A round at which the provider's balance shifts from ours by ``size``, minor units."""

    row: Mapping[str, Any]
    size: int


def balance_gaps(
    rows: Iterable[Mapping[str, Any]], unbooked: Sequence[int] = ()
) -> Iterator[BalanceGap]:
    """Yield the gaps of one wallet.

    Args:
        rows: the operations, in chain order, whose ``shift`` differs from that of the operation
            before; ``next_shift`` is that of the operation after, None at the chain's end.
        unbooked: what rounds moved that the ledger never booked, or booked later by a
            correction, in order of time. Such a round, or several in a row, shift every later
            balance without being a gap.
    """
    level = 0
    sums = list(accumulate(unbooked, initial=0))
    for row in rows:
        size = row["shift"] - level
        if size == 0:
            continue  # back from a balance that was off for a single round
        explained = any(end - size in sums[:n] for n, end in enumerate(sums))
        if not explained:
            yield BalanceGap(row, size)
        if explained or row["next_shift"] == row["shift"]:
            level = row["shift"]


def chain_breaks(
    snapshot: Snapshot,
    exponents: Mapping[str, int],
    round_breaks: Sequence[Break],
    corrections: Sequence[RoundCorrection] = (),
) -> list[Break]:
    """Find the gaps in the provider's balances that no other break explains.

    A break of the same round explains its gap, and so does one of the same player and amount: a
    round that the ledger never booked shifts every balance after it. While parts of a round can
    be immature, a gap at a round received within the longest maturity is not reported yet.
    A booked correction explains what the break that it cured explained.
    """
    provider, now = snapshot.provider, snapshot.context.now
    ages = as_ages(snapshot.context.maturity)
    rounds = BrokenRounds.of(round_breaks)
    amounts = {(b.player, b.currency, b.difference) for b in round_breaks}
    amounts |= corrected_amounts(corrections)
    unbooked = _unbooked_amounts(round_breaks, corrections)
    findings = []
    (balances,) = snapshot.query(ANY_BALANCE)
    steps = snapshot.query(STEPS) if balances["is_reported"] else []
    for _, operations in groupby(steps, key=lambda row: row["wallet_id"]):
        rows = list(operations)
        owner = (rows[0]["player"], rows[0]["currency"])
        for gap in balance_gaps(rows, unbooked.get(owner, ())):
            if ages.in_part and gap.row["received_at"] > now - ages.longest:
                continue
            is_explained = rounds.explain(gap.row["round_id"], owner[0])
            if not is_explained and (*owner, gap.size) not in amounts:
                findings.append(_finding(gap, provider, exponents))
    return [break_of(finding, provider, now) for finding in findings]


def _unbooked_amounts(
    round_breaks: Sequence[Break], corrections: Sequence[RoundCorrection]
) -> dict[tuple[str, str], list[int]]:
    """Collect what rounds moved that are missing in the ledger or were corrected later.

    The amounts of each player and currency are in order of time.
    """
    moved = balance_shifts(corrections)
    for break_ in sorted(round_breaks, key=lambda break_: (break_.at, break_.round_id)):
        if break_.kind is BreakKind.MISSING_IN_LEDGER:
            owner = (break_.player, break_.currency)
            moved.setdefault(owner, []).append((break_.at, break_.difference))
    return {
        owner: [amount for _, amount in sorted(amounts, key=lambda moved: moved[0])]
        for owner, amounts in moved.items()
    }


def _finding(gap: BalanceGap, provider: str, exponents: Mapping[str, int]) -> CrossCheckFinding:
    row = gap.row
    exponent = digits_of(row["currency"], exponents)
    reported, booked = (text_from_minor(row[n], exponent) for n in ("reported", "booked"))
    return CrossCheckFinding(
        kind=BreakKind.BALANCE_GAP,
        row=row,
        difference=gap.size,
        evidence={
            **operation_evidence(row),
            "records": [row["record_id"]],
            "told": reported,
            "held": booked,
        },
        explanation=f"{provider} reports a balance of {reported} {row['currency']} before round"
        f" {row['round_id']}, but the wallet of {row['player']} held {booked}"
        f" {row['currency']}; no round explains the step.",
    )
