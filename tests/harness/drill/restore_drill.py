"""A restore drill: callbacks are acknowledged, lost, found in a log and the history, booked."""

import asyncio
import csv
import json
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from typer.testing import CliRunner

from ledger.accepting.acceptor import Acceptor
from ledger.accepting.epochs import RestoreUnderWay
from ledger.accepting.model import Request
from ledger.accepting.receiver_session import ReceiverSession
from ops import cli
from ops.backups.folders import read_folders
from ops.engines import postgres_server
from ops.engines.data_directory import DataDirectory
from providers.contract import Callback
from providers.sportsbook.feed import COLUMNS
from storage.engine import open_accept_connection
from tests.harness.books.traffic import decoders
from tests.harness.dialects.sportsbook import sign_sportsbook
from tests.harness.drill.point_in_time import (
    archive_log,
    begin_base_backup,
    finish_base_backup,
    restored,
)
from tests.harness.people import signed_in
from tests.harness.providers.speaker import SECRET
from vocabulary.clock import SystemClock, iso
from vocabulary.outcomes import CallbackReply, Verdict
from webhooks.evidence_headers import evidence_text

PLAYERS = ("ann", "bob", "cid")
OPENING = 100_000
STAKE, WIN = 100, 150
SEGMENT_BYTES = 16 << 20
#: Between two batches while the base backup is taken, in seconds.
LOAD_PAUSE_S = 0.02
SETTINGS = """
mode = "test"
[database]
url = "{database}"
[broker]
url = "redis://127.0.0.1:1/0"
[[providers]]
slug = "sportsbook"
dialect = "sportsbook"
currency = "USD"
secrets = ["literal:{secret}"]
statement = {{several_a_day = true}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """A callback that we answered as accepted, and the answer."""

    request: Request
    reply: CallbackReply
    key: str
    action: str
    player: str
    at: datetime
    transaction: str

    @property
    def moved(self) -> int:
        """Minor units to the player."""
        return -STAKE if self.action == "bet" else WIN


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillResult:
    """What a drill showed.

    Attributes:
        backup_age_s: from the end of the base backup to the crash.
        restored_to: the instant.
        acknowledged, lost, recovered: callbacks.
        still_lost, doubled: callbacks whose round is not, or more than once, in the books.
        reissued: transaction ids that were given twice.
        changed_answers: lost callbacks whose late repeat is not answered as the first time.
        proofs: what ``restore verify`` found, by proof.
        differences: breaks that a last comparison with the history found.
        wrong_balances: players whose balance is not what was acknowledged.
        seconds: from the restored server to open books.
    """

    backup_age_s: float
    restored_to: str
    acknowledged: int
    lost: int
    recovered: int
    still_lost: int
    doubled: int
    reissued: int
    changed_answers: int
    proofs: dict[str, str]
    is_clean: bool
    differences: int
    wrong_balances: int
    seconds: float


class RestoreDrill:
    """The drill on a running server and one database of it.

    Args:
        home: of the server.
        database: its migrated database, by URL.
        folder: where backups, the restored server and files go.
        batch: callbacks of each kind in one of the drill's four stretches.
    """

    def __init__(self, home: DataDirectory, database: str, folder: Path, *, batch: int) -> None:
        self._home = home
        self._url = database
        self._name = database.partition("?")[0].rpartition("/")[2]
        self._folder = folder
        self._batch = batch
        self._clock = SystemClock()
        self._numbers = iter(range(1_000_000))
        self._acknowledged: list[Acknowledged] = []
        self._decoder = decoders().providers["sportsbook"]

    def run(self) -> DrillResult:
        """Crash, restore, recover and prove."""
        self._write_settings(self._url)
        roster = self._folder / "players.csv"
        lines = [f"{name},USD,{OPENING // 100}.00" for name in PLAYERS]
        roster.write_text("\n".join(["player,currency,balance", *lines, ""]))
        self._command("players", "import", str(roster))
        return asyncio.run(self._run())

    async def _run(self) -> DrillResult:
        acceptor = Acceptor(
            lambda: open_accept_connection(self._url), session=ReceiverSession()
        )
        await self._play(acceptor)
        base, archive = self._folder / "base", self._folder / "archive"
        backup = begin_base_backup(self._home, base / "first")
        while backup.poll() is None:  # the backup is taken under load
            await self._play(acceptor, 1)
            await asyncio.sleep(LOAD_PAUSE_S)
        finish_base_backup(backup)
        backup_at = time.monotonic()
        await self._play(acceptor)
        instant = self._clock.now()
        kept = len(self._acknowledged)
        await asyncio.sleep(0.01)
        await self._play(acceptor)
        await acceptor.close()
        archive_log(self._home, archive)
        kept_backups = read_folders(base, archive, segment_bytes=SEGMENT_BYTES)
        assert kept_backups.problems == (), kept_backups
        age_s = time.monotonic() - backup_at
        with restored(base / "first", archive, self._folder / "data", instant) as home:
            self._url = postgres_server.url(home, self._name)
            self._write_settings(self._url)
            return await self._recover(acceptor, instant, self._acknowledged[kept:], age_s)

    async def _recover(
        self, acceptor: Acceptor, instant: datetime, lost: list[Acknowledged], age_s: float
    ) -> DrillResult:
        begun = time.monotonic()
        self._command("restore", "begin", "--reason", "drill", "--by", "ann")
        await self._require_held(acceptor)
        assert "the books are held" in self._command("restore", "status", code=1)
        assert self._json("backup", "check", "--json", code=1)["kind"] == "none"
        in_log = lost[:-1]  # the last callback is only in the history
        log = ("--log", str(self._log(in_log)), "--provider", "sportsbook")
        by_log = await self._recover_by(*log)
        assert by_log["known"] == by_log["unacknowledged"] == 1, by_log
        self._command("feed", "import", str(self._history()), "--provider", "sportsbook")
        by_round = await self._recover_by("--all", "--maturity", "0s")
        verified = await asyncio.to_thread(
            self._json, "restore", "verify", "--json", "--by", "ann"
        )
        self._command("restore", "finish", "--by", "bob")
        seconds = time.monotonic() - begun
        assert "books are open" in self._command("restore", "status")
        await self._play(acceptor)  # the receiver that lived through it goes on
        repeated = await acceptor.accept([call.request for call in in_log])
        changed = [
            call
            for call, again in zip(in_log, repeated.decisions, strict=True)
            if again.verdict is not Verdict.REPEATED or again.reply != call.reply
        ]
        await acceptor.close()
        window = ("--from", iso(self._acknowledged[0].at), "--to", iso(self._clock.now()))
        self._command("feed", "import", str(self._history()), "--provider", "sportsbook")
        compared = await asyncio.to_thread(
            self._json, "reconcile", "--all", *window, "--maturity", "0s", "--json", code=None
        )
        return self._result(
            backup_age_s=age_s,
            restored_to=iso(instant),
            lost=len(lost),
            recovered=by_log["recovered"] + len(by_round["recovered"]),
            changed_answers=len(changed),
            proofs=verified["proofs"],
            is_clean=verified["clean"],
            differences=sum(len(run["breaks"]) for run in compared),
            seconds=seconds,
        )

    async def _play(self, acceptor: Acceptor, count: int | None = None) -> None:
        """Accept bets and wins of every player, two at a time."""
        for _ in range(count or self._batch):
            number = next(self._numbers)
            player = PLAYERS[number % len(PLAYERS)]
            calls = [(f"op-{number}-{action}", action) for action in ("bet", "result")]
            now = self._clock.now()
            requests = [self._request(key, action, player, now) for key, action in calls]
            accepted = await acceptor.accept(requests)
            answers = zip(calls, requests, accepted.decisions, strict=True)
            for (key, action), request, decision in answers:
                assert decision.verdict is Verdict.ACCEPTED, decision
                self._acknowledged.append(
                    Acknowledged(
                        request=request,
                        reply=decision.reply,
                        key=key,
                        action=action,
                        player=player,
                        at=now,
                        transaction=json.loads(decision.reply.body)["transaction_id"],
                    )
                )

    def _request(self, key: str, action: str, player: str, now: datetime) -> Request:
        document = {
            "transaction_id": key,
            "action": action,
            "user_id": player,
            "currency": "USD",
            "amount": _amount(action),
        }
        decoder = self._decoder
        signed = sign_sportsbook("/transaction", json.dumps(document).encode(), SECRET)
        callback = Callback(route=signed.route, headers=signed.headers, body=signed.body)
        verified = decoder.dialect.verify(callback, decoder.provider)
        names = decoder.dialect.signature_headers(decoder.provider)
        return Request(
            provider="sportsbook",
            policy=decoder.policy,
            fact=decoder.dialect.parse(verified, decoder.provider),
            route=callback.route,
            headers=evidence_text(callback.headers, names),
            body=callback.body,
            received_at=now,
            respond=lambda outcome: decoder.dialect.respond(outcome, decoder.provider),
        )

    async def _require_held(self, acceptor: Acceptor) -> None:
        request = self._request("op-held", "bet", "ann", self._clock.now())
        try:
            await acceptor.accept([request])
        except RestoreUnderWay:
            return
        raise AssertionError("a callback was accepted while the books are held")

    async def _recover_by(self, *options: str) -> Any:
        """Let one person propose and another approve; returns what was recovered."""
        recover = ("ledger", "recover", *options, "--json")
        proposed = await asyncio.to_thread(self._json, *recover, "--by", "ann")
        approved = await asyncio.to_thread(self._json, *recover, "--approve", "--by", "bob")
        assert proposed["refused"] == approved["refused"] == {}, (proposed, approved)
        return approved

    def _log(self, lost: list[Acknowledged]) -> Path:
        """The provider's log: lost callbacks, one that is in the books, one without effect."""
        path = self._folder / "callbacks.jsonl"
        refused = CallbackReply(200, b'{"error":"INTERNAL_ERROR"}')
        with path.open("w") as file:
            for call in [self._acknowledged[0], *lost]:
                file.write(_log_line(call.request, call.reply))
            request = self._request("op-refused", "bet", "ann", lost[0].at)
            file.write(_log_line(request, refused))
        return path

    def _history(self) -> Path:
        """The provider's statement: everything that we acknowledged."""
        path = self._folder / f"history-{len(self._acknowledged)}.csv"
        with path.open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(COLUMNS)
            for call in self._acknowledged:
                cells = [call.key, call.action, call.player, "USD", _amount(call.action), ""]
                rows.writerow([*cells, iso(call.at)])
        return path

    def _result(self, **figures: Any) -> DrillResult:
        """What the books hold now, against everything that was acknowledged."""
        expected = Counter(dict.fromkeys(PLAYERS, OPENING))
        for call in self._acknowledged:
            expected[call.player] += call.moved
        with psycopg.connect(self._url) as connection:
            rounds = _pairs(connection, "SELECT round_id, payout - stake FROM rounds")
            balances = _pairs(connection, "SELECT player, balance FROM wallets")
        moved = {call.key: call.moved for call in self._acknowledged}
        ids = Counter(call.transaction for call in self._acknowledged)
        return DrillResult(
            acknowledged=len(moved),
            still_lost=sum(key not in rounds for key in moved),
            doubled=sum(rounds.get(key, amount) != amount for key, amount in moved.items()),
            reissued=sum(count - 1 for count in ids.values()),
            wrong_balances=sum(balances[name] != expected[name] for name in PLAYERS),
            **figures,
        )

    def _write_settings(self, url: str) -> None:
        text = SETTINGS.format(database=url, secret=SECRET.decode())
        (self._folder / "tieout.toml").write_text(text)

    def _json(self, *words: str, code: int | None = 0) -> Any:
        return json.loads(self._command(*words, code=code))

    def _command(self, *words: str, code: int | None = 0) -> str:
        """The output of a command; a code of None lets it find something."""
        config = ("--config", str(self._folder / "tieout.toml"))
        data = ("--data", str(self._folder / "commands"))
        runner = CliRunner(env=signed_in(words))
        result = runner.invoke(cli.app, [*config, *data, *words], catch_exceptions=False)
        assert code is None or result.exit_code == code, (words, result.output)
        return result.stdout


def _log_line(request: Request, reply: CallbackReply) -> str:
    headers = dict(line.split(": ", 1) for line in request.headers.splitlines())
    document = {
        "at": iso(request.received_at),
        "route": request.route,
        "headers": headers,
        "body": request.body.decode(),
        "status": reply.status,
        "reply": reply.body.decode(),
    }
    return json.dumps(document) + "\n"


def _pairs(connection: "psycopg.Connection[Any]", query: str) -> dict[str, int]:
    return dict(connection.execute(query.encode()).fetchall())


def _amount(action: str) -> str:
    minor = STAKE if action == "bet" else WIN
    return f"{minor // 100}.{minor % 100:02d}"
