"""Receivers are restarted in turn, and a balancer that follows readiness sees no reset."""

from pathlib import Path

from tests.harness.servers.receiver import LedgerDatabase
from tests.harness.servers.rolling import restart_in_turn


def test_restarts_in_turn_reset_no_connection(
    tmp_path: Path, database: str, broker_url: str
) -> None:
    books = LedgerDatabase(database)
    books.player("ann", balance="1000.00")

    traffic = restart_in_turn(
        tmp_path, database, broker_url, player="ann", restarts=2, rate=300
    )

    answered = sum(traffic.answered.values())
    assert traffic.resets == traffic.refused == traffic.unannounced == 0
    assert min(traffic.answered.values()) > 100
    assert books.rows("SELECT count(*) FROM operations WHERE kind = 'bet'") == [(answered,)]
    books.close()
