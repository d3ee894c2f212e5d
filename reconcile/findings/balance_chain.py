"""The provider's balances against the chain of each wallet.

Where a feed tells the balance before a round, it must be what the wallet held before the
round's first operation. A provider whose balance is off stays off by as much until something
else happens: only the steps are told, each at the round where it shows first, and a balance
that is off for one round alone is one step, not two.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Any

from breaks.kinds import OF_BOOKS, BreakKind
from reconcile.findings.breaks import Break
from reconcile.findings.journal import CrossCheckFinding, break_of, by_wallet, place
from reconcile.snapshot.snapshot import Snapshot
from vocabulary.money import exponent_of, text_from_minor

_STEPS = """
WITH told AS (
  SELECT f.match_key, f.round_id, f.record_id, f.balance_before, w.wallet_id
    FROM feed_records f LEFT JOIN handles h USING (provider, handle)
    JOIN wallets w ON w.player = coalesce(h.player, f.handle) AND w.currency = f.currency
   WHERE f.provider = {provider} AND f.created_at >= {start} AND f.created_at < {end}
     AND f.balance_before IS NOT NULL AND f.occurrence = 1 AND NOT f.rolled_back
), firsts AS (
  SELECT DISTINCT ON (o.match_key, o.round_id, o.wallet_id)
         o.match_key, o.round_id, o.wallet_id, o.wallet_seq, o.op_key, o.received_at,
         o.balance_after - o.amount AS held, t.record_id, t.balance_before AS told
    FROM told t
    JOIN rounds r ON r.match_key = t.match_key AND r.round_id = t.round_id
                 AND r.wallet_id = t.wallet_id AND r.provider = {provider}
    JOIN operations o ON o.wallet_id = r.wallet_id AND o.match_key = r.match_key
                     AND o.round_id = r.round_id AND o.provider = r.provider
   WHERE o.decision = 'accepted' AND o.kind <> 'tombstone'
   ORDER BY o.match_key, o.round_id, o.wallet_id, o.wallet_seq
), shifts AS (
  SELECT *, told - held AS shift, lag(told - held, 1, 0::bigint) OVER chain AS was,
         lead(told - held) OVER chain AS will
    FROM firsts WINDOW chain AS (PARTITION BY wallet_id ORDER BY wallet_seq)
)
SELECT s.*, w.player, w.currency FROM shifts s JOIN wallets w USING (wallet_id)
 WHERE shift <> was ORDER BY wallet_id, wallet_seq
"""


@dataclass(frozen=True, slots=True)
class BalanceGap:
    """A round at which the provider's balance leaves ours by ``size`` more than before."""

    row: Mapping[str, Any]
    size: int


def steps(
    rows: Iterable[Mapping[str, Any]], unbooked: Sequence[int] = ()
) -> Iterator[BalanceGap]:
    """Where one wallet's shift really changes.

    ``rows`` are the places, in chain order, whose ``shift`` differs from that of the place
    before; ``was`` and ``will`` are the shifts before and after, ``will`` None at the end.
    ``unbooked`` is what rounds that the ledger never booked moved, in order of time: one of
    them, or several in a row, shift every balance after them, and are no steps.
    """
    level = 0
    sums = list(accumulate(unbooked, initial=0))
    for row in rows:
        size = row["shift"] - level
        if size == 0:
            continue  # back from a balance that was off for one round alone
        lasting = any(end - size in sums[:n] for n, end in enumerate(sums))
        if not lasting:
            yield BalanceGap(row, size)
        if lasting or row["will"] == row["shift"]:
            level = row["shift"]


def chain_breaks(
    books: Snapshot,
    provider: str,
    exponents: Mapping[str, int],
    now: datetime,
    *,
    known: Sequence[Break],
    young: datetime | None = None,
) -> list[Break]:
    """Steps in the provider's balances that none of the ``known`` breaks explains.

    A break of the same round explains its step, and so does one of the same player and amount:
    a round that the ledger never booked shifts every balance after it. What is under way does
    so too and is no break yet: a step at a round received after ``young`` is not told so far.
    """
    rounds = {each.round_id for each in known if each.kind in OF_BOOKS}
    amounts = Counter(
        (each.player, each.currency, each.difference) for each in known if each.difference
    )
    unbooked: dict[tuple[str, str], list[int]] = {}
    for each in sorted(known, key=lambda each: (each.at, each.round_id)):
        if each.kind is BreakKind.MISSING_IN_LEDGER:
            unbooked.setdefault((each.player, each.currency), []).append(each.difference)
    found = []
    for rows in by_wallet(books.rows(_STEPS)):
        who = (rows[0]["player"], rows[0]["currency"])
        for step in steps(rows, unbooked.get(who, ())):
            if young is not None and step.row["received_at"] > young:
                continue
            told = (step.row["player"], step.row["currency"], step.size)
            if step.row["round_id"] in rounds or amounts[told]:
                continue
            found.append(break_of(_witness(step, provider, exponents), provider, now))
    return found


def _witness(
    step: BalanceGap, provider: str, exponents: Mapping[str, int]
) -> CrossCheckFinding:
    row = step.row
    exponent = exponent_of(row["currency"], exponents)
    told, held = (text_from_minor(row[name], exponent) for name in ("told", "held"))
    return CrossCheckFinding(
        kind=BreakKind.BALANCE_GAP,
        row=row,
        difference=step.size,
        evidence={**place(row), "records": [row["record_id"]], "told": told, "held": held},
        explanation=f"{provider} tells a balance of {told} {row['currency']} before round"
        f" {row['round_id']}, but the wallet of {row['player']} held {held}"
        f" {row['currency']}; no round explains the step.",
    )
