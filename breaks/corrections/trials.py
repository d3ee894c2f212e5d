"""What a correction would do, tried before it is stored and again before it is approved.

``reconcile.trials`` tries: it asks the rules of the break's last run again, with the correction
in place, and books nothing. This module holds the answer, says which answers refuse a
correction, and stores the others. Table written: ``correction_trials``.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Protocol

from sqlalchemy import Connection, text

from breaks.corrections.suggestions import Correction
from breaks.kinds import OF_BOOKS, BreakKind
from breaks.states import ActionRefused, BreakState
from breaks.store import TrackedBreak
from vocabulary.clock import iso
from vocabulary.currencies import digits_of
from vocabulary.money import text_from_minor

Phase = Literal["proposed", "approved"]
_STORE = """
INSERT INTO correction_trials (break_id, phase, tried_at, overruled, adjustments, answer)
VALUES (:break_id, :phase, :tried_at, :overruled, :adjustments, CAST(:answer AS jsonb))
"""
_TRIED = """
SELECT DISTINCT unnest(adjustments) AS id FROM correction_trials
 WHERE break_id = :break_id AND phase = 'proposed'
"""
_OVERRULED = """
SELECT overruled FROM correction_trials
 WHERE break_id = :break_id AND phase = 'proposed' ORDER BY trial_id DESC LIMIT 1
"""


class Source(StrEnum):
    """What can contradict a correction; a closed set."""

    ROUND_END = "round_end"
    BALANCE_CHAIN = "balance_chain"
    WEBHOOK_LOG = "webhook_log"
    BET_DETAIL = "bet_detail"
    HISTORY = "history"
    CORRECTION = "correction"
    WALLET = "wallet"


#: States of a break whose newest trial is about what is proposed or booked now.
_CURRENT = frozenset({BreakState.PROPOSED, BreakState.APPROVED, BreakState.POSTED})
#: The source that a break of a cross-check rests on; every other break rests on the history.
_SOURCE_OF_KIND: Mapping[BreakKind, Source] = {
    BreakKind.ROUND_TOTAL: Source.ROUND_END,
    BreakKind.BALANCE_GAP: Source.BALANCE_CHAIN,
    BreakKind.DELIVERY_MISSING: Source.WEBHOOK_LOG,
    BreakKind.DELIVERY_DISPUTED: Source.WEBHOOK_LOG,
    BreakKind.NEGATIVE_BALANCE: Source.WALLET,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceContradiction:
    """A source that says something else than the correction, and what it says."""

    source: Source
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialBreak:
    """A break that a correction would close, open or change.

    Attributes:
        difference: with the correction in place; of a closed break, without it; minor units.
    """

    break_id: str
    kind: BreakKind
    round_id: str
    player: str
    currency: str
    difference: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedEntry:
    """An entry that would be posted, signed minor units."""

    account: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The answer of trying the corrections of a break.

    Attributes:
        run_id: the run whose rules were asked again.
        found: the break is still found without the correction.
        cured: the break is no longer found with it.
        in_round: every correction belongs to the round.
        balance_before, balance_after: of the player's wallet.
    """

    break_id: str
    kind: BreakKind
    currency: str
    run_id: str
    tried_at: datetime
    found: bool
    cured: bool
    in_round: bool
    closes: tuple[TrialBreak, ...]
    opens: tuple[TrialBreak, ...]
    changes: tuple[TrialBreak, ...]
    entries: tuple[PlannedEntry, ...]
    balance_before: int
    balance_after: int
    contradictions: tuple[SourceContradiction, ...]

    def to_json(
        self, exponents: Mapping[str, int], overruled: Collection[Source] = ()
    ) -> dict[str, Any]:
        """The answer as it is stored and shown; amounts are decimal text."""
        digits = digits_of(self.currency, exponents)
        lists = {"closes": self.closes, "opens": self.opens, "changes": self.changes}
        return {
            "tried_at": iso(self.tried_at),
            "run_id": self.run_id,
            "found": self.found,
            "cured": self.cured,
            **{name: [_break_json(b, exponents) for b in of] for name, of in lists.items()},
            "entries": [
                {"account": entry.account, "amount": text_from_minor(entry.amount, digits)}
                for entry in self.entries
            ],
            "balance_before": text_from_minor(self.balance_before, digits),
            "balance_after": text_from_minor(self.balance_after, digits),
            "contradictions": [
                {"source": str(c.source), "sentence": c.sentence} for c in self.contradictions
            ],
            "overruled": sorted(map(str, overruled)),
        }


class TryCorrections(Protocol):
    """Tries corrections of a break and books nothing."""

    def __call__(
        self, break_: TrackedBreak, corrections: Sequence[Correction], *, now: datetime
    ) -> Trial:
        """The answer of the rules with the corrections in place."""
        ...  # pragma: no cover - a protocol


def check_trial(trial: Trial, overruled: Collection[Source]) -> None:
    """Check that a correction may be stored or approved by what its trial says.

    A correction has to close its break and open none, and nothing may contradict it, except
    what the proposer overrules by name. Outside the round it need not close a break that
    comes from a cross-check: such a break is explained once the money is moved.

    Raises:
        ActionRefused: it may not; says why, and what to do.
    """
    if not trial.found:
        raise ActionRefused(
            f"the correction is moot: the rules of {trial.run_id} no longer find"
            f" {trial.break_id}; reconcile the window again"
        )
    reasons = [
        f"{c.source}: {c.sentence}" for c in trial.contradictions if c.source not in overruled
    ]
    reasons += [
        f"it would open {b.kind} in round {b.round_id}"
        for b in trial.opens
        if _SOURCE_OF_KIND.get(b.kind, Source.HISTORY) not in overruled
    ]
    if not (trial.cured or _may_stay(trial) or Source.HISTORY in overruled):
        reasons.append(f"it would not close {trial.break_id}")
    if reasons:
        raise ActionRefused(
            f"the correction of {trial.break_id} would not cure it: {'; '.join(reasons)}."
            " Correct another amount or side, explain the break, or name the source that is"
            " wrong with --overrule"
        )


def check_overruled(trial: Trial, overruled: Collection[Source]) -> None:
    """Check that every source a proposer overrules says something else than the correction.

    Raises:
        ActionRefused: one of them does not.
    """
    needless = sorted(set(overruled) - sources_against(trial))
    if needless:
        raise ActionRefused(
            f"{', '.join(needless)} does not contradict the correction of {trial.break_id}:"
            " leave --overrule out"
        )


def sources_against(trial: Trial) -> frozenset[Source]:
    """The sources that say something else than the correction; each has to be overruled."""
    sources = {c.source for c in trial.contradictions}
    sources |= {_SOURCE_OF_KIND.get(b.kind, Source.HISTORY) for b in trial.opens}
    if not (trial.cured or _may_stay(trial)):
        sources.add(Source.HISTORY)
    return frozenset(sources)


def current_trial(break_: TrackedBreak) -> Mapping[str, Any] | None:
    """The trial of what is proposed or booked now; None if nothing is."""
    return break_.trial if break_.state in _CURRENT else None


def _may_stay(trial: Trial) -> bool:
    return not trial.in_round and trial.kind not in OF_BOOKS


def store_trial(
    connection: Connection,
    trial: Trial,
    *,
    phase: Phase,
    adjustments: Sequence[str],
    overruled: Collection[Source],
    exponents: Mapping[str, int],
) -> None:
    """Store an answer beside the proposals that it is about."""
    params = {
        "break_id": trial.break_id,
        "phase": phase,
        "tried_at": trial.tried_at,
        "overruled": sorted(map(str, overruled)),
        "adjustments": list(adjustments),
        "answer": json.dumps(trial.to_json(exponents, overruled)),
    }
    connection.execute(text(_STORE), params)


def check_tried(connection: Connection, break_id: str, adjustments: Sequence[str]) -> None:
    """Check that proposals were tried before they were stored; the database checks it too.

    Raises:
        ActionRefused: one of them was not: it was stored by other means than ours.
    """
    rows = connection.execute(text(_TRIED), {"break_id": break_id})
    missing = sorted(set(adjustments) - {row.id for row in rows})
    if missing:
        raise ActionRefused(
            f"{', '.join(missing)} was never tried: reject it with `tieout breaks reject"
            f" {break_id}`, and propose it anew with `tieout breaks propose {break_id}`"
        )


def overruled_by_proposal(connection: Connection, break_id: str) -> frozenset[Source]:
    """The sources that the newest proposal of a break overrules."""
    names = connection.execute(text(_OVERRULED), {"break_id": break_id}).scalar_one_or_none()
    return frozenset(Source(name) for name in names or ())


def _break_json(break_: TrialBreak, exponents: Mapping[str, int]) -> dict[str, str]:
    digits = digits_of(break_.currency, exponents)
    return {
        "id": break_.break_id,
        "kind": str(break_.kind),
        "round_key": break_.round_id,
        "player": break_.player,
        "currency": break_.currency,
        "difference": text_from_minor(break_.difference, digits),
    }
