"""Health routes report liveness and readiness; metrics count the answers."""

import asyncio
import json

from aiohttp.test_utils import make_mocked_request

from vocabulary.errors import Unavailable
from vocabulary.outcomes import Verdict
from webhooks.health import Health
from webhooks.metrics import ReceiverMetrics


async def _succeeds() -> None:
    return None


async def _fails() -> None:
    raise Unavailable("the database is out of reach: OSError")


def _get(health: Health, path: str) -> tuple[int, str]:
    handlers = {"/livez": health.livez, "/readyz": health.readyz, "/metrics": health.metrics}
    response = asyncio.run(handlers[path](make_mocked_request("GET", path)))
    assert isinstance(response.body, bytes)
    return response.status, response.body.decode()


def test_a_receiver_is_ready_while_its_database_answers() -> None:
    health = Health(_succeeds, ReceiverMetrics())

    assert _get(health, "/readyz") == (200, '{"status": "ready"}')


def test_a_receiver_without_its_database_is_alive_but_not_ready_with_the_reason() -> None:
    health = Health(_fails, ReceiverMetrics())
    status, body = _get(health, "/readyz")

    assert _get(health, "/livez")[0] == 200
    assert status == 503
    assert json.loads(body) == {
        "status": "unavailable",
        "why": "the database is out of reach: OSError",
    }


def test_a_stopping_receiver_is_not_ready() -> None:
    health = Health(_succeeds, ReceiverMetrics())
    health.draining = True

    assert _get(health, "/readyz") == (503, '{"status": "draining"}')


def test_metrics_are_served_only_where_configured() -> None:
    health = Health(_succeeds, ReceiverMetrics())
    paths = [[route.path for route in health.routes(metrics=shown)] for shown in (False, True)]

    assert paths == [["/livez", "/readyz"], ["/livez", "/readyz", "/metrics"]]


def test_answers_are_counted_by_provider_route_and_verdict() -> None:
    metrics = ReceiverMetrics()
    for seconds in (1, 2):
        metrics.count_reply("games", "/bet", Verdict.ACCEPTED, seconds)
    metrics.count_reply("games", "/bet", Verdict.DECLINED_FUNDS, 0)
    metrics.count_reply("sport", "/transaction", Verdict.ACCEPTED, 0)

    status, text = _get(Health(_succeeds, metrics), "/metrics")

    line = 'tieout_callbacks_total{{provider="{}",route="{}",verdict="{}"}} {}'
    assert status == 200
    assert line.format("games", "/bet", "accepted", "2.0") in text
    assert line.format("games", "/bet", "declined_funds", "1.0") in text
    assert line.format("sport", "/transaction", "accepted", "1.0") in text
    assert 'tieout_callback_seconds_sum{provider="games"} 3.0' in text


def test_two_receivers_in_one_process_count_separately() -> None:
    first, second = ReceiverMetrics(), ReceiverMetrics()
    first.count_reply("games", "/bet", Verdict.ACCEPTED, 0)

    assert b'verdict="accepted"' in first.text()
    assert b'verdict="accepted"' not in second.text()
