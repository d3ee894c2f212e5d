"""The players file is the one that the import reads."""

import io

import pytest

from ledger.players.importer import read_players
from simulator.protocol.messages import Side
from simulator.protocol.system import System
from simulator.scenarios.plan import make_plan
from simulator.scenarios.players_csv import write_roster
from tests.harness.providers.systems import (
    AGENT_PLATFORM,
    AGGREGATOR,
    ALL_SYSTEMS,
    SPORTSBOOK,
    XIGS,
)
from vocabulary.currencies import ISO_ONLY
from vocabulary.money import Money

ALL = ALL_SYSTEMS


@pytest.mark.parametrize(("currency", "sides"), [("USD", ALL), ("JPY", ALL[:1])])
def test_the_import_reads_back_every_player_with_opening_and_handles(
    currency: str, sides: tuple[System, ...]
) -> None:
    plan = make_plan(seed=4, callbacks=0, players=25, systems=sides, currency=currency)
    slugs: dict[Side, str] = {side: f"my-{side.name}" for side in sides}
    file = io.StringIO(newline="")
    write_roster(file, plan.players, slugs)
    file.seek(0)
    rows = list(read_players(file, ISO_ONLY))
    assert [row.player for row in rows] == [one.player for one in plan.players]
    assert [row.opening for row in rows] == [
        Money(one.opening, currency) for one in plan.players
    ]
    assert [dict(row.handles) for row in rows] == [
        {slugs[side]: one.handles[side] for side in sides} for one in plan.players
    ]


def test_the_header_names_the_columns_of_the_interface() -> None:
    file = io.StringIO(newline="")
    write_roster(
        file,
        (),
        {
            XIGS: "cards",
            SPORTSBOOK: "book",
            AGGREGATOR: "games",
            AGENT_PLATFORM: "spins",
        },
    )
    assert file.getvalue() == (
        "player,currency,balance,handle:spins,handle:games,handle:book,handle:cards\n"
    )
