"""Answers that nobody took are told apart, and noted by when their request came."""

import asyncio
import socket
import struct
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ledger.accepting.model import Decision, Request
from tests.harness.books.delivered import bet, providers
from tests.unit.webhooks.test_fast_path import Scene, play, request, response
from tests.unit.webhooks.test_group_commit import NOW, GatedAcceptor
from vocabulary.clock import FrozenClock
from vocabulary.outcomes import CallbackReply, Verdict
from webhooks.config import ProviderEndpoint, ReceiverConfig
from webhooks.group_commit import GroupCommit, OnDecision
from webhooks.handler import CallbackHandler
from webhooks.http_server import PATIENCE_S
from webhooks.metrics import ReceiverMetrics
from webhooks.sampled_log import SampledLog

CONFIG = ReceiverConfig(
    endpoints={},
    trusted_proxies=(),
    body_bytes_max=65_536,
    read_timeout_s=5,
    idle_timeout_s=75,
    commit_timeout_s=5,
    commit_spacing_s=0,
    queue_max=10,
    clock_off_max_s=30,
    drain_delay_s=0,
    drain_timeout_s=10,
    metrics_here=True,
)


def test_an_answer_is_reported_lost_if_its_connection_was_closed_before_it() -> None:
    async def script(scene: Scene) -> None:
        scene.writer.write(request(b"given up"))
        await scene.wait_until(lambda: len(scene.delayed) == 1)
        reset = struct.pack("ii", 1, 0)  # close at once, without the usual farewell
        client = scene.writer.get_extra_info("socket")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        scene.writer.transport.abort()
        await asyncio.sleep(0.05)
        assert scene.delayed.pop()() is False

    play(script, is_delayed=True)


@pytest.mark.parametrize(("waits_s", "is_awaited"), [(0.0, True), (PATIENCE_S, False)])
def test_a_client_that_ends_its_sending_side_has_given_up_only_if_it_waited_long(
    waits_s: float, *, is_awaited: bool
) -> None:
    async def script(scene: Scene) -> None:
        scene.writer.write(request(b"body"))
        scene.writer.write_eof()
        await scene.wait_until(lambda: len(scene.delayed) == 1)
        await asyncio.sleep(waits_s + 0.05)
        assert scene.delayed.pop()() is is_awaited
        assert await scene.reader.read() == response(b"body")

    play(script, is_delayed=True)


class KeptCommit(GroupCommit):
    """Decides when a test says so; keeps which answers are lost, and when."""

    def __init__(self) -> None:
        super().__init__(
            GatedAcceptor(),
            queue_max=1,
            commit_timeout_s=1,
            on_commit=lambda _accepted: None,
            sampled=SampledLog(),
        )
        self.waiting: list[OnDecision] = []
        self.noted: list[datetime] = []

    def enqueue(self, request: Request, on_decision: OnDecision) -> None:
        self.waiting.append(on_decision)

    def lost(self, provider: str, decision: Decision, at: datetime) -> None:
        assert (provider, decision.verdict) == ("sport", Verdict.ACCEPTED)
        self.noted.append(at)


def test_an_answer_was_lost_when_its_request_came_so_that_a_repeat_meanwhile_settles_it(
    tmp_path: Path,
) -> None:
    sport, commit, clock = providers(tmp_path)["sport"], KeptCommit(), FrozenClock(NOW)
    handler = CallbackHandler(
        "/transaction",
        ProviderEndpoint(
            dialect=sport.dialect,
            provider=sport.provider,
            policy=sport.policy,
            secret_references=sport.secret_references,
            allow=(),
        ),
        config=CONFIG,
        commit=commit,
        metrics=ReceiverMetrics(),
        sampled=SampledLog(),
        clock=clock,
    )
    callback = bet("42", "k")
    handler.handle_plain(callback.headers, callback.body, None, lambda _reply: False)
    clock.instant += timedelta(seconds=4)  # the database is slow, and the client gave up
    commit.waiting.pop()(
        Decision(Verdict.ACCEPTED, CallbackReply(200, b""), (), None, None, {})
    )

    assert commit.noted == [NOW]
