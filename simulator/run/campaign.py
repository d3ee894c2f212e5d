"""One run from plan to told history: what ``tieout simulate`` does once the players exist."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from simulator.history.faults import InjectedFault, inject, mishap_faults
from simulator.history.foreign_ids import as_found, with_own_ids
from simulator.history.lines import HistoryLine, RunSpan, history_of
from simulator.history.operational_faults import mishaps_of
from simulator.history.statements import write_statement
from simulator.protocol.messages import ProviderSystem
from simulator.run.driver import Pace, ReceiverTarget, drive
from simulator.run.journal import Journal
from simulator.run.push import push, pushes
from simulator.run.summary import RunSummary
from simulator.scenarios.plan import Plan, closing_questions
from vocabulary.clock import Clock

#: Told what is being done, how many units it has, and returns what to call per unit done.
Announce = Callable[[str, int], Callable[[int], None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignOptions:
    """What to do besides sending.

    Attributes:
        faults: how many rounds of the history to falsify.
        history: whether the aggregator's history is pushed.
        statements: where each side that tells its history as a file writes it.
        journal: where every final answer is written, or None.
    """

    faults: int
    history: bool
    statements: Mapping[ProviderSystem, Path]
    journal: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """What a run came to.

    Attributes:
        tally: of the plan's callbacks.
        closing: of the balance questions asked after the last callback.
        faults: what a reconciliation must find: the mishaps of the callbacks, sorted, then what
            was put into the history, sorted.
        told: the history as told, faults included, and the span its instants lie in.
        pushed: aggregator records told.
        unacknowledged: history requests not answered with HTTP 200.
        statement_lines: lines told in each side's file.
    """

    began: datetime
    ended: datetime
    tally: RunSummary
    closing: RunSummary
    faults: tuple[InjectedFault, ...]
    told: tuple[HistoryLine, ...]
    span: RunSpan
    pushed: int
    unacknowledged: int
    statement_lines: Mapping[ProviderSystem, int]

    @property
    def as_expected(self) -> bool:
        """Whether every answer was the expected one and all history was acknowledged."""
        return not (self.tally.mismatched or self.closing.mismatched or self.unacknowledged)


async def run_campaign(
    plan: Plan,
    target: ReceiverTarget,
    pace: Pace,
    orders: CampaignOptions,
    *,
    clock: Clock,
    announce: Announce,
) -> Campaign:
    """Send everything, ask every balance, then tell the history.

    Raises:
        Unavailable: the receiver gave no answer within the deadline.
    """
    began = clock.now()
    tally = await _drive(plan, target, pace, orders.journal, announce)
    ended = clock.now()
    questions = closing_questions(plan)
    closing = await drive(
        replace(plan, steps=questions),
        target,
        replace(pace, rate=None),
        journal=None,
        progress=announce("balances", len(questions)),
    )
    span = RunSpan(began, ended, len(plan.steps))
    lines, faults = _history(plan, orders, own_ids=target.own_ids)
    pushed, unacknowledged = 0, 0
    if orders.history and ProviderSystem.AGGREGATOR in plan.sides:
        secret = target.secrets[ProviderSystem.AGGREGATOR]
        records = list(pushes(lines, seed=plan.seed, span=span, secret=secret))
        progress = announce("history", sum(map(len, records)))
        unacknowledged = await push(records, target, pace, progress=progress)
        pushed = len(records)
    return Campaign(
        began=began,
        ended=ended,
        tally=tally,
        closing=closing,
        faults=faults,
        told=lines,
        span=span,
        pushed=pushed,
        unacknowledged=unacknowledged,
        statement_lines={
            side: write_statement(path, side, lines, span)
            for side, path in orders.statements.items()
        },
    )


def _history(
    plan: Plan, orders: CampaignOptions, *, own_ids: bool
) -> tuple[tuple[HistoryLine, ...], tuple[InjectedFault, ...]]:
    """The history as it is told, and everything that a reconciliation must find."""
    mishaps = mishaps_of(plan)
    lines, faults = inject(
        history_of(plan),
        seed=plan.seed,
        faults=orders.faults,
        mishaps=mishaps,
        own_ids=own_ids,
    )
    if own_ids:
        lines, faults = with_own_ids(lines), as_found(faults, lines)
    return lines, (*mishap_faults(mishaps), *faults)


async def _drive(
    plan: Plan, target: ReceiverTarget, pace: Pace, journal: Path | None, announce: Announce
) -> RunSummary:
    progress = announce("callbacks", plan.callbacks)
    if journal is None:
        return await drive(plan, target, pace, journal=None, progress=progress)
    with Journal(journal) as book:
        return await drive(plan, target, pace, journal=book, progress=progress)
