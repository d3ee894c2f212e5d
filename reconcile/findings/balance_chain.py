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
  SELECT f.match_key, f.round_id, f.record_id, f.balance_before, f.stake, f.created_at,
         f.handle, f.currency, w.wallet_id
    FROM feed_records f LEFT JOIN handles h USING (provider, handle)
    JOIN wallets w ON w.player = coalesce(h.player, f.handle) AND w.currency = f.currency
   WHERE f.provider = {{provider}} AND f.created_at >= {{start}} AND f.created_at < {{end}}
     AND f.occurrence = 1 AND NOT f.rolled_back
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
     -- Of the lines of a round, the first has the balance before it: of those at one instant,
     -- the bet. Lines before the window are looked for only if our round may have begun there.
     AND (r.first_at >= {{start}} + interval '1 hour'
          OR NOT EXISTS (SELECT FROM feed_records e
                          WHERE e.match_key = t.match_key AND e.provider = {{provider}}
                            AND e.round_id = t.round_id AND e.handle = t.handle
                            AND e.currency = t.currency AND e.created_at < {{start}}
                            AND e.occurrence = 1 AND NOT e.rolled_back OFFSET 0))
   ORDER BY o.match_key, o.round_id, o.wallet_id, o.wallet_seq, t.created_at, t.stake <= 0,
            abs(t.balance_before - o.balance_after + o.amount), t.record_id
), shifts AS (
  SELECT *, reported - booked AS shift, row_number() OVER chain = 1 AS is_first,
         lag(reported - booked, 1, 0::bigint) OVER chain AS previous_shift,
         lead(reported - booked) OVER chain AS next_shift
    FROM firsts WHERE reported IS NOT NULL
  WINDOW chain AS (PARTITION BY wallet_id ORDER BY wallet_seq)
)
SELECT s.*, w.player, w.currency, transaction_name(wallet_id, wallet_seq) AS transaction,
{IS_SHARED.format(row="s")}
  FROM shifts s JOIN wallets w USING (wallet_id)
 WHERE shift <> previous_shift ORDER BY wallet_id, wallet_seq
"""  # noqa: S608 - the constant of another module
# How far the balance was off at the last round that the provider reports of a wallet before the
# window. A wallet without such a round is followed for some positions only.
EARLIER = """
SELECT n.wallet_id, l.reported - o.booked AS shift, l.created_at AS at
  FROM unnest({wallets}::bigint[], {positions}::bigint[]) AS n (wallet_id, wallet_seq)
  JOIN wallets w USING (wallet_id)
 CROSS JOIN LATERAL (
       SELECT p.wallet_seq, p.match_key, p.round_id, f.reported, f.created_at
         FROM operations p
        CROSS JOIN LATERAL (
              SELECT x.balance_before AS reported, x.created_at
                FROM feed_records x LEFT JOIN handles h USING (provider, handle)
               WHERE x.match_key = p.match_key AND x.provider = p.provider
                 AND x.round_id = p.round_id AND x.currency = w.currency
                 AND coalesce(h.player, x.handle) = w.player
                 AND x.occurrence = 1 AND NOT x.rolled_back
               ORDER BY x.created_at, x.stake <= 0, x.record_id LIMIT 1) f
        WHERE p.wallet_id = n.wallet_id AND p.wallet_seq < n.wallet_seq
          AND p.wallet_seq >= n.wallet_seq - {followed} AND p.provider = {provider}
          AND p.decision = 'accepted' AND p.kind NOT IN ('tombstone', 'adjustment')
          AND f.reported IS NOT NULL AND f.created_at < {start}
        ORDER BY p.wallet_seq DESC LIMIT 1) l
  JOIN rounds r ON r.match_key = l.match_key AND r.round_id = l.round_id
               AND r.wallet_id = n.wallet_id AND r.provider IS NOT DISTINCT FROM {provider}
 CROSS JOIN LATERAL (
       SELECT x.balance_after - x.amount AS booked
         FROM operations x
        WHERE x.wallet_id = n.wallet_id AND x.wallet_seq <= l.wallet_seq
          AND x.wallet_seq >= chain_position_at(n.wallet_id, r.first_at - interval '10 min')
          AND x.match_key = l.match_key AND x.round_id = l.round_id
          AND x.provider IS NOT DISTINCT FROM {provider}
          AND x.decision = 'accepted' AND x.kind NOT IN ('tombstone', 'adjustment')
        ORDER BY x.wallet_seq LIMIT 1) o
"""
# What open breaks of earlier windows say that a player moved at the provider and not with us.
LOST = """
SELECT player, currency, difference, began_at AS at FROM breaks
 WHERE provider = {provider} AND kind = 'missing_in_ledger' AND cleared_at IS NULL
   AND began_at < {start}
 ORDER BY began_at, break_id
"""
#: The most positions of a wallet's chain that are followed back from the window.
FOLLOWED_MAX = 1_000


@dataclass(frozen=True, slots=True)
class BalanceGap:
    """A round at which the provider's balance shifts from ours by ``size``, minor units."""

    row: Mapping[str, Any]
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftBefore:
    """What was off in a wallet before the window, in minor units.

    Attributes:
        size: by how much the provider's last balance before the window differed from ours.
        lost: what rounds moved since then that earlier windows miss in the ledger, in order.
    """

    size: int = 0
    lost: Sequence[int] = ()


_NO_SHIFT = ShiftBefore()


def balance_gaps(
    rows: Iterable[Mapping[str, Any]], unbooked: Sequence[int] = (), *, level: int = 0
) -> Iterator[BalanceGap]:
    """Yield the gaps of one wallet.

    Args:
        rows: the operations, in chain order, whose ``shift`` differs from that of the operation
            before; ``next_shift`` is that of the operation after, None at the chain's end.
        unbooked: what rounds moved that the ledger never booked, or booked later by a
            correction, in order of time. Such a round, or several in a row, shift every later
            balance without being a gap.
        level: by how much the balance was off before the window; no gap of this one.
    """
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
    before = shifts_before(snapshot, steps)
    for wallet, operations in groupby(steps, key=lambda row: row["wallet_id"]):
        rows = list(operations)
        owner = (rows[0]["player"], rows[0]["currency"])
        earlier = before.get(wallet, _NO_SHIFT)
        moved = [*earlier.lost, *unbooked.get(owner, ())]
        for gap in balance_gaps(rows, moved, level=earlier.size):
            if ages.in_part and gap.row["received_at"] > now - ages.longest:
                continue
            is_explained = rounds.explain(gap.row["round_id"], owner[0])
            if not is_explained and (*owner, gap.size) not in amounts:
                findings.append(_finding(gap, provider, exponents))
    return [break_of(finding, provider, now) for finding in findings]


def shifts_before(
    snapshot: Snapshot, steps: Sequence[Mapping[str, Any]]
) -> dict[int, ShiftBefore]:
    """Return what was off before the window, of wallets whose first balance in it is.

    A shift that an earlier window reports, or explains, is none of this one.
    """
    firsts = [row for row in steps if row["is_first"]]
    if not firsts:
        return {}
    earlier = {
        row["wallet_id"]: row
        for row in snapshot.query(
            EARLIER,
            wallets=[row["wallet_id"] for row in firsts],
            positions=[row["wallet_seq"] for row in firsts],
            followed=FOLLOWED_MAX,
        )
    }
    lost: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in snapshot.query(LOST):
        lost.setdefault((row["player"], row["currency"]), []).append(row)
    before = {}
    for first in firsts:
        last = earlier.get(first["wallet_id"])
        of_owner = lost.get((first["player"], first["currency"]), ())
        before[first["wallet_id"]] = ShiftBefore(
            size=0 if last is None else last["shift"],
            lost=[b["difference"] for b in of_owner if last is None or b["at"] >= last["at"]],
        )
    return before


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
