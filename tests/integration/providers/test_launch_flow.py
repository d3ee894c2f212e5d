"""From a player's first launch to the reconciled day, with each provider simulated whole.

A player is registered and sent to a game; the provider calls back about the session it opened
and tells its history; both books agree, and one planted lie is found as exactly that.
"""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from simulator.api.games import NameMint
from simulator.protocol.messages import CallKind
from simulator.protocol.system import System
from simulator.systems.agent_platform.api import AgentPlatformApi
from simulator.systems.aggregator.api import AggregatorApi
from simulator.systems.sportsbook.api import SportsbookApi
from simulator.systems.xigs.api import XigsApi
from tests.harness.providers.systems import AGENT_PLATFORM, AGGREGATOR, SPORTSBOOK, XIGS
from tests.harness.servers.simulated_providers import (
    PLAYERS,
    SEED,
    GamePlay,
    ProviderStack,
    provider_stack,
    query_value,
)

#: Tokens that an API of this seed gives first; commands ask it far less often.
MINTED = {NameMint(seed=SEED, minted=number).token() for number in range(100)}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProviderStack]:
    with provider_stack(tmp_path_factory.mktemp("launch")) as started:
        yield started


def prove_books(
    stack: ProviderStack, side: System, balance: str, posted: dict[str, str]
) -> None:
    """The player has what is left, by these postings, and the books verify."""
    assert stack.balance(side) == balance
    assert stack.posted(side) == {key: Decimal(amount) for key, amount in posted.items()}
    assert stack.tieout("ledger", "verify")["clean"] is True


def agree(told: Any, *, rounds: int) -> None:
    """Every round of both sides was matched with the other's."""
    assert (told["breaks"], told["conserved"]) == ([], True)
    assert (told["ours"]["rows"], told["matched"]) == (rounds, rounds)
    assert told["theirs"] == told["ours"]


def differ(told: Any, side: System, *, matched: int, **expected: str) -> None:
    """One round of the side's player is broken in this way, and no other."""
    assert (told["matched"], told["conserved"]) == (matched, True)
    (found,) = told["breaks"]
    expected = {"player": PLAYERS[side], "currency": "USD", **expected}
    assert {name: found[name] for name in expected} == expected


def test_an_aggregators_player_is_registered_launched_played_and_reconciled(
    stack: ProviderStack,
) -> None:
    side, api = AGGREGATOR, stack.api(AggregatorApi, AGGREGATOR)
    registered = stack.tieout_for(side, "players", "register", "--player", PLAYERS[side])
    assert api.handles == {PLAYERS[side]: registered["handle"]}
    (chosen, *_) = stack.tieout_for(side, "games", "list")
    house = ("--game-provider", chosen["provider"])
    url = stack.open_game(side, "--game", chosen["game_id"], *house)
    assert query_value(url, "token") in MINTED

    game = GamePlay(stack, side, api.handles[PLAYERS[side]])
    honest = game.play(
        game.call(CallKind.BALANCE),
        game.call(CallKind.BET, "B1", 500),
        game.call(CallKind.WIN, "B1", 1250, stake=500),
        game.call(CallKind.ROUND_END, "B1", 500, payout=1250),
        game.call(CallKind.BET, "B2", 200),
        game.call(CallKind.ROUND_END, "B2", 200),
        game.call(CallKind.BALANCE),
    )
    won = {"bet:B1": "-5", "settle-bet:B1": "12.5", "bet-end:B1": "0"}
    lost = {"bet:B2": "-2", "bet-end:B2": "0"}
    prove_books(stack, side, "105.50", won | lost)
    game.report(honest)
    agree(game.reconcile(), rounds=2)

    (paid,) = game.play(
        game.call(CallKind.BET, "B3", 300), game.call(CallKind.WIN, "B3", 100, stake=300)
    )
    game.report([replace(paid, payout=paid.payout + 75, net=paid.net + 75)])
    told = game.reconcile(code=1)
    differ(told, side, matched=2, kind="payout_mismatch", round_key="B3", difference="0.75")


def test_a_sportsbooks_player_is_launched_played_and_reconciled(stack: ProviderStack) -> None:
    side, api = SPORTSBOOK, stack.api(SportsbookApi, SPORTSBOOK)
    url = stack.open_game(side)
    assert query_value(url, "session") in MINTED
    ((user, currency),) = api.sessions
    assert (user, currency) == (PLAYERS[side], "USD")

    game = GamePlay(stack, side, user)
    honest = game.play(
        game.call(CallKind.BET, "T1", 500),
        game.call(CallKind.WIN, "T2", 900),
        game.call(CallKind.BET, "T3", 250),
        game.call(CallKind.ROLLBACK, "T4", 250, original="T3"),
    )
    posted = {"T1": "-5", "T2": "9", "T3": "-2.5", "T4": "2.5"}
    prove_books(stack, side, "104.00", posted)
    game.report(honest)
    agree(game.reconcile(), rounds=3)

    (staked,) = game.play(game.call(CallKind.BET, "T5", 250))
    game.report([replace(staked, amount=300, stake=300, net=-300)])
    told = game.reconcile(code=1)
    differ(told, side, matched=3, kind="stake_mismatch", round_key="T5", difference="-0.50")


def test_an_agent_platforms_player_is_launched_played_and_reconciled(
    stack: ProviderStack,
) -> None:
    side, api = (
        AGENT_PLATFORM,
        stack.api(AgentPlatformApi, AGENT_PLATFORM),
    )
    (chosen, *_) = stack.tieout_for(side, "games", "list")
    away = ("--home-url", "https://casino.example.com/", "--ip", "203.0.113.9")
    url = stack.open_game(side, "--game", chosen["game_id"], *away)
    assert query_value(url, "token") in MINTED
    assert query_value(url, "gameId") == chosen["game_id"]
    ((session, player),) = api.sessions
    assert session
    assert player == PLAYERS[side]

    game = GamePlay(stack, side, player)
    honest = game.play(
        game.call(CallKind.BALANCE),
        game.call(CallKind.BET_AND_WIN, "M1", 500, payout=1500),
        game.call(CallKind.BET_AND_WIN, "M2", 250),
        game.call(CallKind.ROLLBACK, "M3", 250, original="M2"),
        game.call(CallKind.BALANCE),
    )
    prove_books(stack, side, "110.00", {"M1": "10", "M2": "-2.5", "M3": "2.5"})
    game.report(honest)
    agree(game.reconcile(), rounds=2)

    # The platform says nothing of this one.
    game.play(game.call(CallKind.BET_AND_WIN, "M4", 200, payout=500))
    told = game.reconcile(code=1)
    differ(
        told, side, matched=2, kind="missing_at_provider", round_key="M4", difference="-3.00"
    )


def test_a_card_players_user_is_registered_launched_played_and_reconciled(
    stack: ProviderStack,
) -> None:
    side, api = XIGS, stack.api(XigsApi, XIGS)
    registered = stack.tieout_for(side, "players", "register", "--player", PLAYERS[side])
    url = stack.open_game(side, "--game", api.games[0])
    session = api.state.sessions[query_value(url, "session")]
    assert session["gameId"] == api.games[0]
    assert session["userId"] == registered["handle"]

    game = GamePlay(stack, side, session["userId"])
    honest = game.play(
        game.call(CallKind.BET, "R1", 500),
        game.call(CallKind.WIN, "R1", 2000),
        game.call(CallKind.BET, "R2", 500),
        game.call(CallKind.WIN, "R2", 0),
    )
    prove_books(
        stack,
        side,
        "110.00",
        {"open:R1": "-5", "close:R1": "20", "open:R2": "-5", "close:R2": "0"},
    )
    game.report(honest)
    agree(game.reconcile(), rounds=2)

    (lost,) = game.play(game.call(CallKind.BET, "R3", 200), game.call(CallKind.WIN, "R3", 0))
    phantom = replace(lost, record_id="R4", round_id="R4", payout=700, net=500)
    game.report([lost, phantom])
    told = game.reconcile(code=1)
    differ(told, side, matched=3, kind="missing_in_ledger", round_key="R4", difference="5.00")
