"""Every scenario there is, in the order in which they are played and printed."""

from types import ModuleType

from simulator.conformance.scenario import Scenario
from simulator.conformance.scenarios import (
    amounts,
    idempotency,
    malformed,
    players,
    responses,
    rollbacks,
    rounds,
    signatures,
)


def _scenarios(module: ModuleType) -> tuple[Scenario, ...]:
    """The scenarios of a module, in the order in which it defines them."""
    return tuple(value for value in vars(module).values() if isinstance(value, Scenario))


_MODULES = (idempotency, rounds, rollbacks, players, signatures, amounts, malformed, responses)
CATALOGUE: tuple[Scenario, ...] = tuple(
    scenario for module in _MODULES for scenario in _scenarios(module)
)
#: Every scenario plays with a player of its own, whom no other one touches.
PLAYERS_NEEDED = len(CATALOGUE)
#: What each player must at least have, in whole units of the currency.
OPENING_UNITS = 100
