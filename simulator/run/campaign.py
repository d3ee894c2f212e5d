"""One run from plan to history: what ``tieout simulate`` does once the players exist."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from simulator.history.faults import InjectedFault, inject, mishap_faults
from simulator.history.foreign_ids import as_found, with_own_ids
from simulator.history.operational_faults import mishaps_of
from simulator.history.statements import write_statement
from simulator.history.true_history import history_of
from simulator.protocol.history_lines import HistoryLine, RunSpan
from simulator.protocol.json_text import WireRequest
from simulator.protocol.system import System
from simulator.run.driver import Pace, ReceiverTarget, drive
from simulator.run.push import push
from simulator.run.run_log import RunLog
from simulator.run.summary import RunSummary
from simulator.scenarios.plan import Plan, final_balance_queries
from vocabulary.clock import Clock

#: Called with what is done and its number of units; returns what to call per unit done.
Announce = Callable[[str, int], Callable[[int], None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignOptions:
    """What to do besides sending.

    Attributes:
        faults: how many rounds of the history to falsify.
        history: whether systems that push their history do so.
        statements: where each system that has statement files writes its one.
        journal: the file for every final reply, or None.
    """

    faults: int
    history: bool
    statements: Mapping[System, Path]
    journal: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """The result of a run.

    Attributes:
        summary: of the plan's callbacks.
        closing: of the balance queries after the last callback.
        faults: what a reconciliation must find: the mishaps of the callbacks, sorted, then what
            was injected into the history, sorted.
        history: as the providers report it, faults included; its instants lie in ``span``.
        pushed: records that were pushed.
        unacknowledged: history requests not answered with HTTP 200.
        statement_lines: lines of each system's file.
    """

    began: datetime
    ended: datetime
    summary: RunSummary
    closing: RunSummary
    faults: tuple[InjectedFault, ...]
    history: tuple[HistoryLine, ...]
    span: RunSpan
    pushed: int
    unacknowledged: int
    statement_lines: Mapping[System, int]

    @property
    def as_expected(self) -> bool:
        """Whether every reply was the expected one and all history was acknowledged."""
        return not (self.summary.mismatched or self.closing.mismatched or self.unacknowledged)


async def run_campaign(
    plan: Plan,
    target: ReceiverTarget,
    pace: Pace,
    options: CampaignOptions,
    *,
    clock: Clock,
    announce: Announce,
) -> Campaign:
    """Send everything, query every balance, then report the history.

    Raises:
        Unavailable: the receiver gave no answer within the deadline.
    """
    began = clock.now()
    summary = await _drive(plan, target, pace, options.journal, announce)
    ended = clock.now()
    questions = final_balance_queries(plan)
    closing = await drive(
        replace(plan, steps=questions),
        target,
        replace(pace, rate=None),
        run_log=None,
        progress=announce("balances", len(questions)),
    )
    span = RunSpan(began, ended, len(plan.steps))
    lines, faults = _history(plan, options.faults, target)
    pushed, unacknowledged = 0, 0
    for system in plan.systems if options.history else ():
        records = _pushes(system, lines, plan, span, target)
        if records:
            progress = announce("history", sum(map(len, records)))
            unacknowledged += await push(records, system, target, pace, progress=progress)
            pushed += len(records)
    return Campaign(
        began=began,
        ended=ended,
        summary=summary,
        closing=closing,
        faults=faults,
        history=lines,
        span=span,
        pushed=pushed,
        unacknowledged=unacknowledged,
        statement_lines={
            system: write_statement(path, system, lines, span)
            for system, path in options.statements.items()
        },
    )


def _history(
    plan: Plan, faults: int, target: ReceiverTarget
) -> tuple[tuple[HistoryLine, ...], tuple[InjectedFault, ...]]:
    """The history as it is reported, and everything that a reconciliation must find."""
    mishaps, own_ids = mishaps_of(plan), target.own_ids
    lines, injected = inject(
        history_of(plan),
        seed=plan.seed,
        faults=faults,
        mishaps=mishaps,
        own_ids=own_ids,
    )
    if own_ids:
        lines, injected = with_own_ids(lines, own_ids), as_found(injected, lines, own_ids)
    return lines, (*mishap_faults(mishaps), *injected)


def _pushes(
    system: System,
    lines: Sequence[HistoryLine],
    plan: Plan,
    span: RunSpan,
    target: ReceiverTarget,
) -> list[tuple[WireRequest, ...]]:
    """The requests of each record of a system that pushes its history."""
    if system.push is None:
        return []
    own = [line for line in lines if line.side is system]
    return list(system.push(own, plan.seed, span, target.providers[system].secrets[0]))


async def _drive(
    plan: Plan, target: ReceiverTarget, pace: Pace, journal: Path | None, announce: Announce
) -> RunSummary:
    progress = announce("callbacks", plan.callbacks)
    if journal is None:
        return await drive(plan, target, pace, run_log=None, progress=progress)
    with RunLog(journal) as run_log:
        return await drive(plan, target, pace, run_log=run_log, progress=progress)
