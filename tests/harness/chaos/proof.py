"""Checks that must hold after any fault of a stack Tieout."""

import json

from tests.harness.servers.tieout_stack import TieoutStack

UNINGESTED = """
SELECT count(*) FROM deliveries
 WHERE verdict = 'recorded' AND ingested_at IS NULL AND parked_at IS NULL
"""


def prove_books(stack: TieoutStack) -> None:
    """Every acknowledged operation is booked once with its entries, and the ledger verifies."""
    stack.wait_until_posted()
    acknowledged, booked = stack.acknowledged(), stack.booked()
    assert set(acknowledged) == set(booked)
    for key, (kind, effect, entries) in booked.items():
        assert entries == effect, key
        if kind in {"bet", "win"}:
            assert acknowledged[key] == {abs(effect)}, key
    verified = stack.command("ledger", "verify", "--json")
    assert verified.returncode == 0, verified.stdout
    assert json.loads(verified.stdout)["clean"] is True


def prove_history(stack: TieoutStack) -> None:
    """Every accepted history record is ingested."""
    stack.wait_until_zero(UNINGESTED)
    (records,) = stack.query("SELECT count(*) FROM feed_records")[0]
    assert isinstance(records, int)
    assert records > 0
