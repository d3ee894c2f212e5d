"""Rows from an archive, as the database had them when they left."""

from datetime import UTC, datetime

from ledger.archive.recalled_rows import as_it_left, sweeps_of
from storage.archive.digests import digest_of_bytes

ROW = {
    "wallet_id": 1,
    "wallet_seq": 4,
    "headers": "x: 1",
    "body": b"{}",
    "reply": b"\x01",
    "declared_stake": None,
    "ends_round": True,
    "received_at": datetime(2021, 6, 4, 8, 0, 0, 120, tzinfo=UTC),
    "swept": None,
}


def test_a_row_comes_back_with_the_digest_of_its_bytes_and_what_its_sweep_moved() -> None:
    assert as_it_left(ROW, {(1, 4): -70, (1, 5): 9}) == {
        "wallet_id": 1,
        "wallet_seq": 4,
        "headers": "",
        "body": f"\\x{digest_of_bytes('x: 1', b'{}').hex()}",
        "reply": "\\x01",
        "declared_stake": None,
        "ends_round": True,
        "received_at": "2021-06-04T08:00:00.000120+00:00",
        "swept": -70,
    }
    assert as_it_left(ROW, {})["swept"] is None


def test_sweeps_are_the_entries_of_one_leg() -> None:
    entries = [
        {"wallet_id": 1, "wallet_seq": 4, "leg": 5, "amount": 70},
        {"wallet_id": 1, "wallet_seq": 4, "leg": 6, "amount": -70},
        {"wallet_id": 2, "wallet_seq": 1, "leg": 1, "amount": 3},
    ]
    assert sweeps_of(entries, leg=6) == {(1, 4): -70}
