"""Play the catalogue against one receiver and say what came of it."""

from collections.abc import AsyncIterator, Sequence

from simulator.conformance.catalogue import CATALOGUE
from simulator.conformance.http_client import knocking
from simulator.conformance.scenario import Finding, Result, Scenario
from simulator.conformance.session import Departed, Stage
from simulator.conformance.target import Guest, Hooks, Subject


async def examine(
    url: str, subject: Subject, hooks: Hooks, guests: Sequence[Guest], *, run: str
) -> AsyncIterator[Finding]:
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
            stage = Stage(subject, hooks, knocker, guest, f"{run}-{number}")
            yield await _played(scenario, stage)


async def _played(scenario: Scenario, stage: Stage) -> Finding:
    reason = scenario.hindered(stage.subject, stage.hooks)
    if reason:
        result = Result.NOT_APPLICABLE
        return Finding(scenario=scenario, result=result, reason=reason, steps=())
    try:
        await scenario.play(stage)
    except Departed:
        result = Result.FAILED
    else:
        result = Result.PASSED
    return Finding(scenario=scenario, result=result, reason="", steps=tuple(stage.steps))
