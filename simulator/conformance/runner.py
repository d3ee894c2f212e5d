"""Play the catalogue against one receiver and say what came of it."""

from collections.abc import AsyncIterator, Sequence

from simulator.conformance.catalogue import CATALOGUE
from simulator.conformance.http_client import knocking
from simulator.conformance.scenario import Scenario, ScenarioOutcome, ScenarioResult
from simulator.conformance.session import ConformanceSession, ScriptFailed
from simulator.conformance.target import ConformancePlayer, ConformanceTarget, LedgerHooks


async def examine(
    url: str,
    subject: ConformanceTarget,
    hooks: LedgerHooks,
    guests: Sequence[ConformancePlayer],
    *,
    run: str,
) -> AsyncIterator[ScenarioResult]:
    """Yield one finding per scenario, in the catalogue's order.

    Args:
        url: the receiver, without ``/callbacks``.
        subject: who is spoken for.
        hooks: what can be done behind the receiver.
        guests: a player for each scenario, with nobody else at their wallets.
        run: makes every reference unique; never used before at this receiver.

    Raises:
        Unavailable: nobody listens there.
    """
    async with knocking(url) as knocker:
        for number, (scenario, guest) in enumerate(zip(CATALOGUE, guests, strict=True)):
            stage = ConformanceSession(subject, hooks, knocker, guest, f"{run}-{number}")
            yield await _played(scenario, stage)


async def _played(scenario: Scenario, stage: ConformanceSession) -> ScenarioResult:
    reason = scenario.hindered(stage.subject, stage.hooks)
    if reason:
        result = ScenarioOutcome.NOT_APPLICABLE
        return ScenarioResult(scenario=scenario, result=result, reason=reason, steps=())
    try:
        await scenario.play(stage)
    except ScriptFailed:
        result = ScenarioOutcome.FAILED
    else:
        result = ScenarioOutcome.PASSED
    return ScenarioResult(scenario=scenario, result=result, reason="", steps=tuple(stage.steps))
