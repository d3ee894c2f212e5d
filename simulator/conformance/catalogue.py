"""Every scenario there is, in the order in which they are played and printed."""

from simulator.conformance import (
    amounts,
    answers,
    hostile,
    players,
    repeats,
    rollbacks,
    rounds,
    signatures,
)
from simulator.conformance.scenario import Scenario

CATALOGUE: tuple[Scenario, ...] = (
    *repeats.SCENARIOS,
    *rounds.SCENARIOS,
    *rollbacks.SCENARIOS,
    *players.SCENARIOS,
    *signatures.SCENARIOS,
    *amounts.SCENARIOS,
    *hostile.SCENARIOS,
    *answers.SCENARIOS,
)
#: Every scenario plays with a player of its own, whom no other one touches.
PLAYERS_NEEDED = len(CATALOGUE)
#: What each player must at least have, in whole units of the currency.
OPENING_UNITS = 100
