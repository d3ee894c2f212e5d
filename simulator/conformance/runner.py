"""Play the catalogue against one receiver and report each result."""

from collections.abc import AsyncIterator, Sequence

from simulator.conformance.catalogue import CATALOGUE
from simulator.conformance.http_client import http_client
from simulator.conformance.scenario import Scenario, ScenarioOutcome, ScenarioResult
from simulator.conformance.session import ConformanceSession, ScriptFailed
from simulator.conformance.target import ConformancePlayer, ConformanceTarget, LedgerHooks


async def examine(
    url: str,
    target: ConformanceTarget,
    hooks: LedgerHooks,
    players: Sequence[ConformancePlayer],
    *,
    run: str,
) -> AsyncIterator[ScenarioResult]:
    """Yield one result per scenario, in the catalogue's order.

    Args:
        url: the receiver, without ``/callbacks``.
        target: the provider to call as.
        hooks: what can be done behind the receiver.
        players: one for each scenario, whose wallets nobody else uses.
        run: makes every reference unique; never used before at this receiver.

    Raises:
        Unavailable: nobody listens there.
    """
    async with http_client(url) as client:
        for number, (scenario, player) in enumerate(zip(CATALOGUE, players, strict=True)):
            session = ConformanceSession(target, hooks, client, player, f"{run}-{number}")
            yield await _played(scenario, session)


async def _played(scenario: Scenario, session: ConformanceSession) -> ScenarioResult:
    reason = scenario.hindered(session.target, session.hooks)
    if reason:
        result = ScenarioOutcome.NOT_APPLICABLE
        return ScenarioResult(scenario=scenario, result=result, reason=reason, steps=())
    try:
        await scenario.play(session)
    except ScriptFailed:
        result = ScenarioOutcome.FAILED
    else:
        result = ScenarioOutcome.PASSED
    return ScenarioResult(
        scenario=scenario, result=result, reason="", steps=tuple(session.steps)
    )
