"""Files of sealed days: every row that a receiver may take can be read back."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from ledger.seal.files import read_lines, write_lines
from ops.settings.model import ReceiverSettings

LONGEST = 1_000_000


def test_no_settings_allow_a_longer_body() -> None:
    ReceiverSettings(body_bytes_max=LONGEST)
    with pytest.raises(ValidationError, match="body_bytes_max"):
        ReceiverSettings(body_bytes_max=LONGEST + 1)


@pytest.mark.parametrize("name", ["day.jsonl", "day.jsonl.gz"])
def test_a_row_with_the_longest_body_that_settings_allow_is_read(
    tmp_path: Path, name: str
) -> None:
    body = "\\x" + "7b" * LONGEST
    lines = [json.dumps({"delivery": {"delivery_id": n, "body": body}}) for n in (1, 2)]
    write_lines(tmp_path / name, [f"{line}\n".encode() for line in lines])

    rows = [line.row for line in read_lines(tmp_path / name)]

    assert [row["delivery_id"] for row in rows] == [1, 2]
    assert all(row["body"] == body for row in rows)
