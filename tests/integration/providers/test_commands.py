"""The commands over the providers' APIs: what they print, store and exit with."""

import asyncio
import io
import json
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.players.importer import import_players, read_players
from storage.engine import open_engine
from tests.harness.providers.api_server import HANGS, ApiServer, Scripted, served
from tests.harness.servers.forked_commands import run_command
from vocabulary.currencies import ISO_ONLY

CANARY = "canary-4f1d9c"
#: Longest run of a command.
COMMAND_SECONDS_MAX = 240

#: Per dialect: its API table.
TABLES = {
    "aggregator": f'key = "literal:{CANARY}"',
    "sportsbook": f'version = "v1"\nusername = "literal:u"\npassword = "literal:{CANARY}"',
    "agent_platform": "agent_id = 7",
    "xigs": f'key = "literal:{CANARY}"\nprofile = "P1"',
}


def answer(document: object, **more: Any) -> Scripted:
    return Scripted(body=json.dumps(document).encode(), **more)


TOKENS = {
    "accessToken": CANARY,
    "signatureToken": CANARY,
    "expireAt": "2999-01-01T00:00:00Z",
}
GOLF = {"game_id": "9", "game_name": "Golf", "game_provider": "PGSoft", "game_type": "slot"}
FROGS = {"id": 3, "title": "Frogs", "brand": "Mega", "demo": True}
LISTED = {"status": "success", "content": {"games": [FROGS], "total": 1}}
LINKED = {"status": "success", "content": {"url": "https://play.example.com/l"}}
USER = {"status": "success", "data": {"userToken": CANARY, "userId": "U-1"}}
SESSION = {
    "sessionId": "S",
    "gameUrl": "https://play.example.com/x",
    "expiresAt": "2026-06-04T14:00:00Z",
}

#: Every path that is asked by a command, with a good answer.
GOOD: Mapping[str, Sequence[Scripted]] = {
    "/game/provider": [answer([{"provider_name": "PGSoft"}, {"provider_name": "Evo"}])],
    "/game/list": [answer({"is_item": True, "items": [GOLF]})],
    "/game/open-game": [answer({"is_item": False, "url": "https://play.example.com/a"})],
    "/create-user": [answer({"user_agent": "LAG1.p1"})],
    "/v1/auth": [answer({"token": CANARY, "expires_in": 3600})],
    "/v1/start-session": [answer({"url": "https://play.example.com/s"})],
    "/api/games/list": [answer(LISTED)],
    "/api/games/get_game_link": [answer(LINKED)],
    "/api/games/get_game_link_demo": [answer(LINKED)],
    "/v1/auth/login": [answer({"status": "success", "data": TOKENS})],
    "/v1/user/auth": [answer(USER)],
    "/v1/game/session": [answer({"status": "success", "data": SESSION}, status=201)],
}
CHECKED = {
    "aggregator": "/game/provider",
    "sportsbook": "/v1/auth",
    "agent_platform": "/api/games/list",
    "xigs": "/v1/auth/login",
}


@dataclass(frozen=True)
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


Tieout = Callable[..., Awaitable[Said]]


def settings(server: ApiServer, database: str) -> str:
    text = (
        f'mode = "test"\n[database]\nurl = "{database}"\n'
        '[broker]\nurl = "redis://broker.example.com/0"\n'
    )
    for dialect, table in TABLES.items():
        text += (
            f'[[providers]]\nslug = "{dialect}"\ndialect = "{dialect}"\ncurrency = "USD"\n'
            f'secrets = ["literal:{CANARY}"]\n[providers.api]\nbase_url = "{server.url}"\n'
            f'deadline = "3s"\nattempts = 2\n{table}\n'
        )
    return text + (
        '[[providers]]\nslug = "silent"\ndialect = "sportsbook"\ncurrency = "EUR"\n'
        f'secrets = ["literal:{CANARY}"]\n'
    )


def play(
    folder: Path,
    scenario: Callable[[Tieout, ApiServer], Awaitable[None]],
    *,
    database: str = "postgresql://nobody@db.example.com/books",
    script: Mapping[str, Sequence[Scripted]] | None = None,
) -> None:
    """Run a scenario of commands against a scripted API; no secret is ever printed."""

    async def run() -> None:
        async with served({**GOOD, **(script or {})}) as server:
            (folder / "tieout.toml").write_text(settings(server, database))

            async def tieout(*words: str) -> Said:
                result = await asyncio.to_thread(
                    run_command,
                    words,
                    cwd=folder,
                    env={**os.environ, "TIEOUT_DATA": str(folder / "data")},
                    timeout=COMMAND_SECONDS_MAX,
                )
                said = Said(result.returncode, result.stdout, result.stderr)
                assert CANARY not in said.out + said.err
                assert "Traceback" not in said.err
                return said

            await scenario(tieout, server)

    asyncio.run(run())


@pytest.fixture
def books(database: str) -> str:
    """A database with two players, one of them with a handle."""
    engine = open_engine(database)
    lines = "player,currency,balance,handle:aggregator\np1,USD,10.00,\np2,USD,0,LAG1.p2\n"
    import_players(engine, read_players(io.StringIO(lines), ISO_ONLY))
    engine.dispose()
    return database


def stored(database: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database) as connection:
        query = "SELECT provider, handle, player FROM handles ORDER BY 1, 2"
        return connection.execute(query).fetchall()


def test_providers_are_listed_with_whether_they_can_be_called(tmp_path: Path) -> None:
    async def scenario(tieout: Tieout, server: ApiServer) -> None:
        listed = await tieout("provider", "list", "--json")
        shown = await tieout("provider", "list")

        assert [(each["slug"], each["api"]) for each in listed.json()] == [
            *((dialect, True) for dialect in TABLES),
            ("silent", False),
        ]
        assert shown.out.splitlines()[-1] == "silent: sportsbook, EUR, no API"
        assert server.seen == []

    play(tmp_path, scenario)


@pytest.mark.parametrize("dialect", CHECKED)
def test_check_proves_credentials_and_clock(tmp_path: Path, dialect: str) -> None:
    async def scenario(tieout: Tieout, server: ApiServer) -> None:
        said = await tieout("provider", "check", dialect, "--json")
        told = said.json()

        assert said.code == 0
        assert (told["provider"], told["verdict"], told["status"]) == (dialect, "ok", 200)
        assert abs(told["clock_skew_s"]) <= 2
        assert 0 <= told["latency_ms"] < 3000
        assert told["error"] is None
        assert server.paths() == [CHECKED[dialect]]

    play(tmp_path, scenario)


def test_check_says_the_same_in_a_sentence(tmp_path: Path) -> None:
    async def scenario(tieout: Tieout, server: ApiServer) -> None:
        said = await tieout("provider", "check", "aggregator")

        assert said.code == 0
        assert said.out.startswith("aggregator: GET /game/provider answered 200 in ")
        assert "their clock minus ours: " in said.out

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    ("trouble", "code", "verdict", "attempts"),
    [
        (answer({"error": "Invalid API key"}, status=401), 1, "refused", 1),
        (Scripted(body=b"<html>hello</html>"), 1, "refused", 1),
        (Scripted(status=503), 3, "unavailable", 2),
        (Scripted(mischief=HANGS), 3, "unavailable", 2),
        (answer([], headers={"Date": "Thu, 04 Jun 2020 09:30:00 GMT"}), 1, "clock", 1),
    ],
)
def test_check_exits_1_for_a_finding_and_3_for_an_outage(
    tmp_path: Path, trouble: Scripted, code: int, verdict: str, attempts: int
) -> None:
    async def scenario(tieout: Tieout, server: ApiServer) -> None:
        said = await tieout("provider", "check", "aggregator", "--json")
        told = said.json()

        assert (said.code, told["verdict"], told["attempts"]) == (code, verdict, attempts)
        assert len(server.seen) == attempts
        if verdict != "clock":
            assert told["error"].startswith("aggregator: GET /game/provider: ")

    play(tmp_path, scenario, script={"/game/provider": [trouble]})


def test_a_provider_that_is_not_there_or_not_configured_exits_2(tmp_path: Path) -> None:
    async def scenario(tieout: Tieout, server: ApiServer) -> None:
        unknown = await tieout("provider", "check", "nobody")
        silent = await tieout("provider", "check", "silent")

        assert (unknown.code, silent.code) == (2, 2)
        assert "no provider is called nobody" in unknown.err
        assert "providers.silent.api: expected a table" in silent.err
        assert server.seen == []

    play(tmp_path, scenario)


def test_games_are_listed_by_house_and_of_all_houses(tmp_path: Path) -> None:
    async def scenario(tieout: Tieout, server: ApiServer) -> None:
        one = await tieout(
            "games", "list", "--provider", "aggregator", "--game-provider", "Evo"
        )
        asked = server.seen[-1].body
        every = await tieout("games", "list", "--provider", "aggregator", "--json")
        flat = await tieout("games", "list", "--provider", "agent_platform")
        none = await tieout("games", "list", "--provider", "sportsbook")

        assert (one.code, one.out) == (0, "9\tPGSoft\tGolf (slot)\n")
        assert asked == b'{"game_provider":"Evo"}'
        assert [game["game_id"] for game in every.json()] == ["9", "9"]
        assert flat.out == "3\tMega\tFrogs (demo)\n"
        assert none.code == 2
        assert "has no games to list" in none.err

    play(tmp_path, scenario)


def test_an_api_that_fails_in_a_command_is_a_sentence_and_an_exit_code(tmp_path: Path) -> None:
    async def scenario(tieout: Tieout, server: ApiServer) -> None:
        refused = await tieout("games", "list", "--provider", "aggregator")
        down = await tieout("games", "list", "--provider", "agent_platform")

        assert (refused.code, down.code) == (1, 3)
        assert refused.err == (
            "aggregator: GET /game/provider: answered 403, IP not allowed (1 attempt)\n"
        )
        assert down.err == "agent_platform: POST /api/games/list: answered 500 (2 attempts)\n"

    forbidden = answer({"error": "IP not allowed"}, status=403)
    script = {"/game/provider": [forbidden], "/api/games/list": [Scripted(status=500)]}
    play(tmp_path, scenario, script=script)


def test_a_registered_player_opens_a_game_under_the_handle_that_came_back(
    tmp_path: Path, books: str
) -> None:
    async def scenario(tieout: Tieout, server: ApiServer) -> None:
        who = ("--provider", "aggregator", "--player", "p1")
        early = await tieout("games", "open", *who, "--game-provider", "PGSoft")
        first = await tieout("players", "register", *who, "--json")
        second = await tieout("players", "register", *who, "--json")
        again = await tieout("players", "register", *who, "--again")
        opened = await tieout("games", "open", *who, "--game-provider", "PGSoft", "--game", "9")

        assert early.code == 2
        assert "register the player" in early.err
        assert first.json() == {"player": "p1", "handle": "LAG1.p1", "new": True}
        assert second.json() == {"player": "p1", "handle": "LAG1.p1", "new": False}
        assert again.code == 0
        assert opened.out == "https://play.example.com/a\n"
        assert server.paths() == ["/create-user", "/create-user", "/game/open-game"]
        assert json.loads(server.seen[0].body) == {"user_agent": "p1"}
        assert json.loads(server.seen[-1].body) == {
            "user_agent": "LAG1.p1",
            "game_provider": "PGSoft",
            "game_id": "9",
        }

    play(tmp_path, scenario, database=books)
    assert ("aggregator", "LAG1.p1", "p1") in stored(books)


def test_a_handle_is_never_overwritten(tmp_path: Path, books: str) -> None:
    async def scenario(tieout: Tieout, server: ApiServer) -> None:
        who = ("--provider", "aggregator", "--player")
        other = await tieout("players", "register", *who, "p2", "--again")
        taken = await tieout("players", "register", *who, "p1")
        unknown = await tieout("players", "register", *who, "p3")

        assert (other.code, taken.code, unknown.code) == (1, 1, 2)
        assert "at aggregator is stored as LAG1.p2, not LAG1.p9" in other.err
        assert "LAG1.p2 at aggregator belongs to another player" in taken.err
        assert "no player is called p3" in unknown.err
        assert len(server.seen) == 2

    script = {
        "/create-user": [answer({"user_agent": "LAG1.p9"}), answer({"user_agent": "LAG1.p2"})]
    }
    play(tmp_path, scenario, database=books, script=script)
    assert stored(books) == [("aggregator", "LAG1.p2", "p2")]


def test_two_registrations_at_once_ask_once(tmp_path: Path, books: str) -> None:
    async def scenario(tieout: Tieout, server: ApiServer) -> None:
        words = ("players", "register", "--provider", "aggregator", "--player", "p1")
        both = await asyncio.gather(tieout(*words), tieout(*words))

        assert [said.code for said in both] == [0, 0]
        assert server.paths() == ["/create-user"]

    play(tmp_path, scenario, database=books)


def test_a_registration_that_fails_stores_nothing(tmp_path: Path, books: str) -> None:
    async def scenario(tieout: Tieout, server: ApiServer) -> None:
        who = ("--provider", "aggregator", "--player", "p1")
        down = await tieout("players", "register", *who)

        assert down.code == 3
        assert server.paths() == ["/create-user"]

    play(tmp_path, scenario, database=books, script={"/create-user": [Scripted(status=502)]})
    assert stored(books) == [("aggregator", "LAG1.p2", "p2")]


def test_the_others_open_in_their_own_way(tmp_path: Path, books: str) -> None:
    async def scenario(tieout: Tieout, server: ApiServer) -> None:
        async def opened(slug: str, *words: str) -> Said:
            return await tieout("games", "open", "--provider", slug, "--player", "p1", *words)

        async def registered(slug: str) -> Said:
            return await tieout("players", "register", "--provider", slug, "--player", "p1")

        home = ("--home-url", "https://example.com/", "--ip", "203.0.113.9")
        bets = await opened("sportsbook", "--currency", "EUR", "--json")
        frogs = await opened("agent_platform", "--game", "3", *home)
        demo = await opened("agent_platform", "--game", "3", "--demo", *home)
        homeless = await opened("agent_platform", "--game", "3")
        stranger = await opened("xigs", "--game", "G")
        known = await registered("xigs")
        cards = await opened("xigs", "--game", "G")

        assert bets.json() == {"url": "https://play.example.com/s"}
        assert [each.out for each in (frogs, demo)] == ["https://play.example.com/l\n"] * 2
        assert (homeless.code, stranger.code) == (2, 2)
        assert "--home-url is needed here" in homeless.err
        assert known.out == "p1 is U-1 at xigs\n"
        assert cards.out == "https://play.example.com/x\n"
        assert [(await registered(slug)).code for slug in ("sportsbook", "agent_platform")] == [
            2,
            2,
        ]
        asked = {each.path: json.loads(each.body) for each in server.seen}
        assert asked["/v1/start-session"] == {"user_id": "p1", "currency": "EUR", "lang": "en"}
        assert asked["/api/games/get_game_link"]["player_id"] == "p1"
        assert "agent_session_id" in asked["/api/games/get_game_link"]
        assert "agent_session_id" not in asked["/api/games/get_game_link_demo"]
        assert asked["/v1/user/auth"]["credential"] == "p1"

    play(tmp_path, scenario, database=books)
    assert ("xigs", "U-1", "p1") in stored(books)


def test_nobody_plays_under_a_user_id_that_callbacks_could_not_be_matched_by(
    tmp_path: Path, books: str
) -> None:
    async def scenario(tieout: Tieout, server: ApiServer) -> None:
        who = ("--provider", "xigs", "--player", "p1")
        await tieout("players", "register", *who)
        said = await tieout("games", "open", *who, "--game", "G")

        assert said.code == 1
        assert "p1 is stored as U-1, and they say U-2" in said.err
        assert "/v1/game/session" not in server.paths()

    changed = {"status": "success", "data": {"userToken": CANARY, "userId": "U-2"}}
    script = {"/v1/user/auth": [answer(USER), answer(changed)]}
    play(tmp_path, scenario, database=books, script=script)
