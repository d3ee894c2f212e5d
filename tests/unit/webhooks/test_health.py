"""Alive, ready, counted."""

import asyncio
import json

from aiohttp.test_utils import make_mocked_request

from vocabulary.errors import Unavailable
from vocabulary.outcomes import Verdict
from webhooks.health import Health
from webhooks.metrics import ReceiverMetrics


async def _answers() -> None:
    return None


async def _is_gone() -> None:
    raise Unavailable("the database is out of reach: OSError")


def _asked(health: Health, path: str) -> tuple[int, str]:
    handlers = {"/livez": health.livez, "/readyz": health.readyz, "/metrics": health.metrics}
    response = asyncio.run(handlers[path](make_mocked_request("GET", path)))
    assert isinstance(response.body, bytes)
    return response.status, response.body.decode()


def test_a_receiver_is_ready_while_its_database_answers() -> None:
    health = Health(_answers, ReceiverMetrics())

    assert _asked(health, "/readyz") == (200, '{"status": "ready"}')


def test_a_receiver_without_its_database_is_alive_but_not_ready_and_says_why() -> None:
    health = Health(_is_gone, ReceiverMetrics())
    status, body = _asked(health, "/readyz")

    assert _asked(health, "/livez")[0] == 200
    assert status == 503
    assert json.loads(body) == {
        "status": "unavailable",
        "why": "the database is out of reach: OSError",
    }


def test_a_stopping_receiver_is_not_ready_any_more() -> None:
    health = Health(_answers, ReceiverMetrics())
    health.draining = True

    assert _asked(health, "/readyz") == (503, '{"status": "draining"}')


def test_metrics_are_served_only_where_they_are_asked_for() -> None:
    health = Health(_answers, ReceiverMetrics())
    paths = [[route.path for route in health.routes(metrics=told)] for told in (False, True)]

    assert paths == [["/livez", "/readyz"], ["/livez", "/readyz", "/metrics"]]


def test_answers_are_counted_by_provider_route_and_verdict() -> None:
    meters = ReceiverMetrics()
    for seconds in (1, 2):
        meters.answered("games", "/bet", Verdict.ACCEPTED, seconds)
    meters.answered("games", "/bet", Verdict.DECLINED_FUNDS, 0)
    meters.answered("sport", "/transaction", Verdict.ACCEPTED, 0)

    status, text = _asked(Health(_answers, meters), "/metrics")

    line = 'tieout_callbacks_total{{provider="{}",route="{}",verdict="{}"}} {}'
    assert status == 200
    assert line.format("games", "/bet", "accepted", "2.0") in text
    assert line.format("games", "/bet", "declined_funds", "1.0") in text
    assert line.format("sport", "/transaction", "accepted", "1.0") in text
    assert 'tieout_callback_seconds_sum{provider="games"} 3.0' in text


def test_two_receivers_in_one_process_count_for_themselves() -> None:
    one, other = ReceiverMetrics(), ReceiverMetrics()
    one.answered("games", "/bet", Verdict.ACCEPTED, 0)

    assert b'verdict="accepted"' in one.text()
    assert b'verdict="accepted"' not in other.text()
