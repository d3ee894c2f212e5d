"""What has to hold after whatever happened to a running Tieout."""

import json

from tests.harness.servers.running import Running

UNTAKEN = """
SELECT count(*) FROM deliveries
 WHERE verdict = 'recorded' AND ingested_at IS NULL AND parked_at IS NULL
"""


def prove_books(running: Running) -> None:
    """Acknowledged equals booked, each once, entries included, and the books verify."""
    running.until_posted()
    acknowledged, booked = running.acknowledged(), running.booked()
    assert set(acknowledged) == set(booked)
    for key, (kind, effect, entries) in booked.items():
        assert entries == effect, key
        if kind in {"bet", "win"}:
            assert acknowledged[key] == {abs(effect)}, key
    verified = running.command("ledger", "verify", "--json")
    assert verified.returncode == 0, verified.stdout
    assert json.loads(verified.stdout)["clean"] is True


def prove_history(running: Running) -> None:
    """Every history record that was taken has become one of the feed."""
    running.until(UNTAKEN)
    (kept,) = running.query("SELECT count(*) FROM feed_records")[0]
    assert isinstance(kept, int)
    assert kept > 0
