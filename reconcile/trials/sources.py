"""What the sources besides the comparison say about a correction, side by side.

Each source is asked for what it knows of the round: the provider's history, the totals of the
round's end, its log of callbacks, the balances that it reports, its answer about the bet, and
our own earlier corrections. A source contradicts a correction if it says something else than
the round would be afterwards.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from breaks.corrections.suggestions import RoundSide
from breaks.corrections.trials import Source, SourceContradiction
from breaks.kinds import BreakKind
from breaks.store import TrackedBreak
from ledger.queries.round_parts import OPERATIONS_OF_ROUNDS
from reconcile.findings.delivery_log import LOGGED, ReadLogged, players_of
from reconcile.snapshot.arrays import present, python_values
from reconcile.snapshot.columns import Array
from reconcile.snapshot.frames import Keys
from reconcile.snapshot.snapshot import Snapshot
from reconcile.trials.corrected_snapshot import TriedCorrections, of_owner
from vocabulary.currencies import digits_of
from vocabulary.facts import Bet, BetAndWin, Operation, Win
from vocabulary.ids import match_key
from vocabulary.money import Money, text_from_minor

# The provider's balance and ours before the round, and before the next one that it reports. The
# next is looked for only if the round has one: a provider without balances has none at all. Of
# the lines of a round, the first of the player has the balance before it; at one instant, the
# bet.
BALANCES = (
    """
WITH of_round AS (
  SELECT o.wallet_id, min(o.wallet_seq) AS first_seq, max(o.wallet_seq) AS last_seq,
         sum(o.amount)::bigint AS net
    FROM rounds r JOIN wallets w USING (wallet_id)
"""  # noqa: S608 - our own constant
    + OPERATIONS_OF_ROUNDS
    + """
   WHERE w.player = {player} AND w.currency = {currency} AND r.provider = {provider}
     AND r.match_key = {match_key} AND r.round_id = {round_id}
     AND o.match_key = {match_key} AND o.provider = {provider} AND o.round_id = {round_id}
     AND o.decision = 'accepted' AND o.kind NOT IN ('tombstone', 'adjustment')
   GROUP BY o.wallet_id
), reported AS NOT MATERIALIZED (
  SELECT o.wallet_seq, o.balance_after - o.amount AS booked, f.balance_before AS reported,
         r.net, r.last_seq, o.match_key = {match_key} AS is_round
    FROM of_round r
    JOIN operations o ON o.wallet_id = r.wallet_id AND o.wallet_seq >= r.first_seq
    JOIN LATERAL (SELECT x.balance_before FROM feed_records x
                    LEFT JOIN handles h ON h.provider = x.provider AND h.handle = x.handle
                   WHERE x.provider = o.provider AND x.match_key = o.match_key
                     AND x.round_id = o.round_id AND x.currency = {currency}
                     AND coalesce(h.player, x.handle) IN ({player}, '')
                     AND x.occurrence = 1 AND NOT x.rolled_back
                   ORDER BY x.created_at, x.stake <= 0, x.record_id LIMIT 1) f
         ON f.balance_before IS NOT NULL
   WHERE o.provider = {provider} AND o.decision = 'accepted'
     AND o.kind NOT IN ('tombstone', 'adjustment')
), this AS MATERIALIZED (
  SELECT * FROM reported WHERE is_round AND wallet_seq <= last_seq ORDER BY wallet_seq LIMIT 1
)
SELECT * FROM this
UNION ALL
(SELECT * FROM reported WHERE NOT is_round AND EXISTS (SELECT FROM this)
  ORDER BY wallet_seq LIMIT 1)
"""
)
BET_DETAIL = """
SELECT verdict FROM detail_answers WHERE provider = {provider} AND key = {round_id}
"""
BESIDE_ROUND = """
SELECT id, amount FROM adjustments
 WHERE break_id = {break_id} AND state IN ('approved', 'posted') AND round_id IS NULL
 ORDER BY proposed_at, id
"""
_SIDES: tuple[RoundSide, ...] = ("stake", "payout")


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundSides:
    """Stake and payout of the round for the break's player, in minor units.

    Attributes:
        booked: ours as booked now; zero if we do not have the round.
        reported: what the history reports.
        is_reported: the history has the round.
        reports_balance: the history has a balance before the round, of any of its players.
        declared: what the round's end declared of a side, if it did.
        corrected: ours with the correction in place.
    """

    booked: Mapping[RoundSide, int]
    reported: Mapping[RoundSide, int]
    is_reported: bool
    reports_balance: bool
    declared: Mapping[RoundSide, int]
    corrected: Mapping[RoundSide, int]

    @property
    def changed(self) -> list[RoundSide]:
        """The sides that the correction changes."""
        return [side for side in _SIDES if self.corrected[side] != self.booked[side]]


class SourceCheck:
    """Asks every source about one round and its correction."""

    def __init__(
        self,
        snapshot: Snapshot,
        break_: TrackedBreak,
        tried: TriedCorrections,
        *,
        exponents: Mapping[str, int],
        by_attributes: bool,
        read_logged: ReadLogged | None,
    ) -> None:
        self._snapshot = snapshot
        self._break = break_
        self._tried = tried
        self._exponents = exponents
        self._by_attributes = by_attributes
        self._read_logged = read_logged
        self._sides = round_sides(snapshot, break_, tried)

    def contradictions(self) -> tuple[SourceContradiction, ...]:
        """Everything that the sources say against the correction."""
        checks = (
            self._history,
            self._round_end,
            self._webhook_log,
            self._balance_chain,
            self._bet_detail,
            self._earlier_correction,
        )
        return tuple(contradiction for check in checks for contradiction in check())

    def _history(self) -> Iterator[SourceContradiction]:
        sides = self._sides
        for side in sides.changed:
            if sides.reported[side] == sides.corrected[side]:
                continue
            reported = (
                f"reports a {side} of {self._money(sides.reported[side])}"
                if sides.is_reported
                else "does not report the round"
            )
            yield self._against(Source.HISTORY, f"the history {reported}", side)

    def _round_end(self) -> Iterator[SourceContradiction]:
        sides = self._sides
        if self._break.kind is BreakKind.UNANSWERED:  # the round's end was not answered either
            return
        for side in sides.changed:
            declared = sides.declared.get(side)
            if declared is not None and declared != sides.corrected[side]:
                statement = f"the round's end declares a {side} of {self._money(declared)}"
                yield self._against(Source.ROUND_END, statement, side)

    def _webhook_log(self) -> Iterator[SourceContradiction]:
        if self._read_logged is None or not self._sides.changed:
            return
        logged = _logged_sides(self._snapshot, self._read_logged, self._tried)
        for side in self._sides.changed:
            booked = self._sides.booked[side]
            if logged[side] == booked != 0:
                statement = f"its log has callbacks with a {side} of {self._money(booked)}"
                yield self._against(Source.WEBHOOK_LOG, statement, side)

    def _balance_chain(self) -> Iterator[SourceContradiction]:
        tried = self._tried
        change = tried.payout - tried.stake
        if self._by_attributes or not change or not self._sides.reports_balance:
            return
        rows = self._snapshot.query(
            BALANCES,
            player=tried.player,
            currency=tried.currency,
            match_key=tried.match_key,
            round_id=tried.round_id,
        )
        if len(rows) != 2:
            return
        row, following = rows
        other_moves = following["booked"] - row["booked"] - row["net"]
        net = following["reported"] - row["reported"] - other_moves
        if net == row["net"]:
            yield SourceContradiction(
                source=Source.BALANCE_CHAIN,
                sentence=f"the balances that {self._break.provider} reports before this round"
                f" and before the next one differ by {self._money(net)}, as booked",
            )

    def _bet_detail(self) -> Iterator[SourceContradiction]:
        sides = self._sides
        if not sides.changed:
            return
        names = [self._break.round_id, *([self._break.alias] if self._break.alias else [])]
        verdicts = {
            row["verdict"]
            for name in names
            for row in self._snapshot.query(BET_DETAIL, round_id=name)
        }
        undone = not any(sides.corrected.values()) and any(sides.booked.values())
        if undone and "confirmed" in verdicts:
            yield SourceContradiction(
                source=Source.BET_DETAIL,
                sentence=f"{self._break.provider} confirms the bet, the correction undoes it",
            )
        if not any(sides.booked.values()) and "unknown" in verdicts:
            yield SourceContradiction(
                source=Source.BET_DETAIL,
                sentence=f"{self._break.provider} does not know the bet, the correction books"
                " it",
            )

    def _earlier_correction(self) -> Iterator[SourceContradiction]:
        for row in self._snapshot.query(BESIDE_ROUND, break_id=self._break.break_id):
            yield SourceContradiction(
                source=Source.CORRECTION,
                sentence=f"{row['id']} moved {self._money(row['amount'])} for this break"
                " outside the round already",
            )

    def _against(self, source: Source, statement: str, side: RoundSide) -> SourceContradiction:
        corrected = self._money(self._sides.corrected[side])
        return SourceContradiction(
            source=source, sentence=f"{statement}, the correction makes it {corrected}"
        )

    def _money(self, minor: int) -> str:
        currency = self._break.currency
        return f"{text_from_minor(minor, digits_of(currency, self._exponents))} {currency}"


def round_names(break_: TrackedBreak) -> set[str]:
    """The ids of the break's round: ours, and the provider's if it spells it otherwise."""
    return {break_.round_id, *([break_.alias] if break_.alias else [])}


def round_keys(break_: TrackedBreak) -> Keys:
    """The match keys of these ids, sorted."""
    keys = sorted(match_key(break_.provider, name) for name in round_names(break_))
    return np.array(keys, dtype=np.int64)


def round_sides(
    snapshot: Snapshot, break_: TrackedBreak, tried: TriedCorrections
) -> RoundSides:
    """Read what either side has of the break's round, and what the correction makes of it."""
    records = snapshot.records(round_keys(break_))
    ours, theirs = (
        side.where(of_owner(side, tried)) for side in (records.ours, records.theirs)
    )
    # A round with any rolled back record moved nothing, and repeated lines count apart.
    stands = not theirs["rolled_back"].any()
    standing = theirs.where((theirs["occurrence"] == 1) & stands)
    declared = {
        side: int(amounts[0])
        for side in _SIDES
        if (amounts := _present_values(ours[f"declared_{side}"]))
    }
    booked = {side: int(ours[side].sum()) for side in _SIDES}
    changes = {"stake": tried.stake, "payout": tried.payout}
    return RoundSides(
        booked=booked,
        reported={side: int(standing[side].sum()) for side in _SIDES},
        is_reported=len(theirs) > 0,
        reports_balance=bool(present(records.theirs["balance_before"]).any()),
        declared=declared,
        corrected={side: booked[side] + changes[side] for side in _SIDES},
    )


def _present_values(column: Array) -> list[int]:
    return [value for value in python_values(column) if value is not None]


def _logged_sides(
    snapshot: Snapshot, read_logged: ReadLogged, tried: TriedCorrections
) -> dict[RoundSide, int]:
    """Add up the callbacks that the provider's log has as delivered, of the corrected share.

    Other players, and wallets in other currencies, may share the round.
    """
    operations: dict[str, Operation] = {}
    for row in snapshot.query(LOGGED):
        operation = read_logged(row["payload"]) if row["success"] else None
        if operation is not None and operation.round_id == tried.round_id:
            operations[operation.key] = operation
    players = players_of(snapshot, {operation.handle for operation in operations.values()})
    sides: dict[RoundSide, int] = {"stake": 0, "payout": 0}
    for operation in operations.values():
        if players.get(operation.handle, operation.handle) == tried.player:
            for side, amount in _amounts_of(operation):
                sides[side] += amount.minor if amount.currency == tried.currency else 0
    return sides


def _amounts_of(operation: Operation) -> list[tuple[RoundSide, Money]]:
    """What a callback adds to its round."""
    match operation:
        case Bet():
            return [("stake", operation.amount)]
        case Win():
            return [("payout", operation.amount)]
        case BetAndWin():
            return [("stake", operation.bet), ("payout", operation.win)]
        case _:
            return []
