"""Every scenario there is, in the order in which they are played and printed."""

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

CATALOGUE: tuple[Scenario, ...] = (
    *idempotency.SCENARIOS,
    *rounds.SCENARIOS,
    *rollbacks.SCENARIOS,
    *players.SCENARIOS,
    *signatures.SCENARIOS,
    *amounts.SCENARIOS,
    *malformed.SCENARIOS,
    *responses.SCENARIOS,
)
#: Every scenario plays with a player of its own, whom no other one touches.
PLAYERS_NEEDED = len(CATALOGUE)
#: What each player must at least have, in whole units of the currency.
OPENING_UNITS = 100
