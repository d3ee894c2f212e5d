"""Events that come by the thousand: the first is a line, the others are counted."""

import asyncio
from typing import Any

import structlog

from webhooks.sampled_log import KINDS_MAX, SampledLog

EVERY_S = 0.05


def logged(*batches: list[str]) -> list[dict[str, Any]]:
    """The lines about refusals from these addresses; after each batch a turn passes."""

    async def scene() -> None:
        sampled = SampledLog(every_s=EVERY_S)
        for addresses in batches:
            for address in addresses:
                sampled.info("callback_refused", address=address)
            await asyncio.sleep(EVERY_S * 1.5)

    with structlog.testing.capture_logs() as logs:
        asyncio.run(scene())
    return [dict(log) for log in logs]


def test_a_flood_is_two_lines_a_source_with_its_address_and_its_count() -> None:
    logs = logged(["192.0.2.1"] * 5_000 + ["192.0.2.2"])

    assert [(log["address"], log.get("more")) for log in logs] == [
        ("192.0.2.1", None),
        ("192.0.2.2", None),
        ("192.0.2.1", 4_999),
    ]


def test_a_kind_that_comes_again_later_is_a_line_again() -> None:
    logs = logged(["192.0.2.1"], [], ["192.0.2.1"])

    assert [log.get("more") for log in logs] == [None, None]


def test_sources_without_end_do_not_make_lines_without_end() -> None:
    logs = logged([f"2001:db8::{number:x}" for number in range(10 * KINDS_MAX)])

    assert len(logs) == KINDS_MAX + 2
    assert logs[-1]["others"] == "yes"
    assert logs[-1]["more"] == 9 * KINDS_MAX - 1
