"""A provider's log of callbacks: what a line needs, and which line lacks it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ledger.accepting.limits import business_day
from ops.providers.callback_log import read_callback_log
from tests.harness.books.traffic import decoders
from vocabulary.errors import Malformed

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
LINE = {
    "at": "2026-11-29T10:00:00+01:00",
    "route": "/transaction",
    "headers": {"Content-Type": "application/json", "Cookie": "secret"},
    "body": "{}",
    "status": 200,
    "reply_base64": "e30=",
}


def read(path: Path, *lines: str) -> Any:
    path.write_text("\n".join(lines))
    return read_callback_log(path, "sportsbook", decoders().providers["sportsbook"], NOW)


def test_a_log_is_read_in_the_order_of_its_instants(tmp_path: Path) -> None:
    earlier = {**LINE, "at": "2026-11-29T08:59:59Z"}

    callbacks = read(tmp_path / "log", json.dumps(LINE), "", json.dumps(earlier))

    assert [callback.line for callback in callbacks] == [3, 1]
    row = callbacks[1].row
    assert (row.headers, row.body, row.reply) == (
        "content-type: application/json",
        b"{}",
        b"{}",
    )
    assert row.received_at == datetime(2026, 11, 29, 9, tzinfo=UTC)


def test_a_callback_counts_on_its_day_in_utc_whatever_its_offset(tmp_path: Path) -> None:
    """Else its wallet's business day is another one than a replay finds."""
    after_midnight = {**LINE, "at": "2026-11-29T00:30:00+01:00"}

    (callback,) = read(tmp_path / "log", json.dumps(after_midnight))

    the_day_before = datetime(2026, 11, 28, 23, 30, tzinfo=UTC)
    assert business_day(callback.row.received_at) == business_day(the_day_before)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"at": "0001-01-01T00:00:00+05:00"}, "line 1: at"),
        ({"at": "2026-11-29T10:00:00"}, "line 1: at"),
        ({"at": "2026-11-29T13:00:00Z"}, "line 1: at"),
        ({"route": None}, "line 1: route"),
        ({"headers": []}, "line 1: headers"),
        ({"body": 7}, "line 1: body"),
        ({"status": True}, "line 1: status"),
        ({"status": 9}, "line 1: status"),
        ({"reply_base64": "?"}, "line 1: reply_base64"),
    ],
)
def test_a_line_that_lacks_something_is_named(
    tmp_path: Path, change: dict[str, object], place: str
) -> None:
    with pytest.raises(Malformed, match=place):
        read(tmp_path / "log", json.dumps({**LINE, **change}))


def test_what_is_no_log_is_named(tmp_path: Path) -> None:
    with pytest.raises(Malformed, match="line 1: a JSON object is expected"):
        read(tmp_path / "log", "at,route,body")
    with pytest.raises(Malformed, match="a readable file is expected"):
        read_callback_log(tmp_path, "sportsbook", decoders().providers["sportsbook"], NOW)
