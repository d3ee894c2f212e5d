"""Approve what the product proposes for a month, and look at the breaks again.

The proposals, their trials and the rules of approval are the real ones; only the tables are
lists. A booking appends an operation to the wallet's chain, as the accept path does.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from breaks.corrections.suggestions import Correction, suggested_corrections
from breaks.corrections.trials import Source, Trial, check_trial
from breaks.impact import effects_of
from breaks.states import ActionRefused
from breaks.store import TrackedBreak
from ledger.corrections.preview import PlannedBooking, preview_bookings
from reconcile.findings.breaks import Break
from reconcile.runs.request import RunRequest
from reconcile.snapshot.rules import BY_ROUND_ID
from reconcile.snapshot.snapshot import Snapshot
from reconcile.trials.trial import tried_corrections, try_on
from tests.harness.books.differences.tracked import tracked
from tests.harness.detection.delivery_log import read_logged
from tests.harness.detection.in_memory import (
    AGES,
    BY_CONTENT,
    WINDOW,
    breaks_in,
    compare_all,
    memory_snapshot,
)
from tests.harness.detection.month import NOW, System
from tests.harness.detection.world import OPENING, Op, World
from vocabulary.currencies import ISO_ONLY

#: When the corrections are booked.
BOOKED_AT = NOW + timedelta(minutes=1)


@dataclass(slots=True)
class Corrected:
    """What approving the proposals of a month did.

    Attributes:
        proposed: breaks for which a correction follows, by kind and provider.
        approved: those that were offered, approved and booked.
        overruled: those that were booked after every contradicting source was overruled.
        refused: those that a trial refused, by the source that speaks against them.
        wrong: what should not be: a cause that is left, a break that was opened, a trial that
            foresaw something else than came.
    """

    proposed: Counter[tuple[str, str]] = field(default_factory=Counter)
    approved: Counter[tuple[str, str]] = field(default_factory=Counter)
    overruled: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def add(self, other: "Corrected") -> None:
        """Add another month."""
        self.proposed += other.proposed
        self.approved += other.approved
        self.overruled += other.overruled
        self.refused += other.refused
        self.wrong += other.wrong


def correct(
    world: World, systems: Collection[System] = tuple(System), *, overruling: bool = False
) -> Corrected:
    """Approve every proposal that is offered, of every provider, one after another.

    ``overruling``: afterwards also what sources contradict, by naming these sources.
    """
    result = Corrected()
    for system in systems:
        result.add(_Books(world, system).correct(overruling=overruling))
    return result


class _Books:
    """One provider's books in a world, to which corrections are booked."""

    def __init__(self, world: World, system: System) -> None:
        self._world = world
        self._system = system
        self._result = Corrected()
        self._present: list[Break] = []
        self._foreseen: list[Break] = []

    def correct(self, *, overruling: bool) -> Corrected:
        first, timing = self._breaks()
        self._present = first
        suggested = [break_ for break_ in first if _suggested(break_)]
        self._result.proposed.update((break_.kind, self._system) for break_ in suggested)
        offered = [b for b in suggested if self._approve(b, overruling=False)]
        self._result.approved.update((break_.kind, self._system) for break_ in offered)
        self._check(first, timing, offered)
        if overruling:
            refused = [break_ for break_ in suggested if break_ not in offered]
            rest = [b for b in refused if self._approve(b, overruling=True)]
            self._result.overruled.update((break_.kind, self._system) for break_ in rest)
            self._check(first, timing, rest)
        return self._result

    def _check(self, first: list[Break], timing: tuple[int, int], booked: list[Break]) -> None:
        """Ask the rules again, and compare with the first breaks and with the trials."""
        if not booked:
            return
        detected, timing_after = self._breaks()
        self._wrong(*self._unforeseen(detected))
        if timing_after != timing:
            self._wrong(f"{self._system}: timing {timing} became {timing_after}")
        left, known = {b.id for b in detected}, {b.id for b in first}
        self._wrong(*(f"left: {_text(b)}" for b in booked if b.id in left))
        self._wrong(*(f"opened: {_text(b)}" for b in detected if b.id not in known))

    def _wrong(self, *sentences: str) -> None:
        self._result.wrong += sentences

    def _unforeseen(self, detected: list[Break]) -> Iterator[str]:
        """Compare what the trials foresaw with what the rules find after the bookings."""
        foreseen = Counter((b.id, b.difference) for b in self._present)
        actual = Counter((b.id, b.difference) for b in detected)
        for name, more in (("foreseen", foreseen - actual), ("found", actual - foreseen)):
            breaks = {b.id: b for b in (*self._present, *detected)}
            for id_, _ in more:
                yield f"only {name}: {_text(breaks[id_])}"

    def _breaks(self) -> tuple[list[Break], tuple[int, int]]:
        snapshot = memory_snapshot(self._world, self._system)
        comparison = compare_all(snapshot)
        timing = (comparison.ours.timing.rows, comparison.theirs.timing.rows)
        return breaks_in(snapshot, self._world, comparison), timing

    def _approve(self, detected: Break, *, overruling: bool) -> bool:
        """Try the suggested corrections of a break and book them, if that is allowed."""
        break_ = tracked_from(detected, self._system)
        corrections = suggested_corrections(break_, ISO_ONLY)
        trial = self._try(break_, corrections)
        sources = {c.source for c in trial.contradictions}
        try:
            check_trial(trial, sources if overruling else ())
        except ActionRefused as refused:
            names: set[Source | str] = {*sources}
            if trial.opens:
                names.add("opens")
            if not overruling:
                self._result.refused.update(map(str, names or {str(refused)}))
            return False
        for correction in corrections:
            self._book(break_, correction)
        self._present = self._foreseen
        return True

    def _try(self, break_: TrackedBreak, corrections: tuple[Correction, ...]) -> Trial:
        snapshot = memory_snapshot(self._world, self._system)
        chain = self._world.chains.get((break_.player or "", break_.currency), [])
        balance = chain[-1].after if chain else OPENING
        bookings = [PlannedBooking(amount=c.amount, side=c.side) for c in corrections]
        request = RunRequest(
            provider=self._system,
            window=WINDOW,
            maturity=AGES,
            rules=BY_CONTENT if self._system is System.UNNAMED else BY_ROUND_ID,
            read_logged=read_logged if self._system is System.XIGS else None,
        )

        def find(of: Snapshot) -> list[Break]:
            if of is snapshot:
                return self._present
            self._foreseen = breaks_in(of, self._world, compare_all(of))
            return self._foreseen

        return try_on(
            snapshot,
            break_,
            tried_corrections(break_, corrections, balance, NOW),
            find=find,
            request=request,
            preview=preview_bookings(balance, bookings),
        )

    def _book(self, break_: TrackedBreak, correction: Correction) -> None:
        player = break_.player or ""
        chain = self._world.chains.setdefault((player, break_.currency), [])
        amount = correction.amount
        op = Op(
            system=self._system,
            key=f"adj-{break_.break_id}-{correction.side}",
            kind="adjustment",
            player=player,
            currency=break_.currency,
            round_id=break_.round_id,
            at=BOOKED_AT,
            stake=-amount if correction.side == "stake" else 0,
            payout=amount if correction.side == "payout" else 0,
            ends=True,
            seq=len(chain) + 1,
            after=(chain[-1].after if chain else OPENING) + amount,
        )
        chain.append(op)
        self._world.ops.append(op)


def tracked_from(break_: Break, system: System) -> TrackedBreak:
    """A break as people work on it, from what a run found."""
    return tracked(
        break_id=break_.id,
        provider=system.value,
        kind=break_.kind,
        impact=break_.impact,
        player=break_.player,
        currency=break_.currency,
        round_id=break_.round_id,
        ours=break_.ours,
        theirs=break_.theirs,
        difference=break_.difference,
        explanation=break_.explanation,
        began_at=break_.at,
        alias=break_.alias,
    )


def _suggested(break_: Break) -> bool:
    try:
        return bool(suggested_corrections(tracked_from(break_, System.NAMED), ISO_ONLY))
    except ActionRefused:
        return False


def _text(break_: Break) -> str:
    money = effects_of(break_.kind, break_.difference)
    return f"{break_.kind} {break_.round_id} {money.player}/{money.invoice} {break_.currency}"
