"""Replay, and tampering, for tests."""

from collections.abc import Callable

import psycopg

from ledger.evidence import Replayed, Voices, Window
from ledger.replay import replay
from storage.engine import open_engine


def replayed(database: str, voices: Voices, window: Window | None = None) -> Replayed:
    engine = open_engine(database)
    try:
        return replay(engine, voices, window=window, announce=quiet)
    finally:
        engine.dispose()


def quiet(_total: int) -> Callable[[int], None]:
    return lambda _done: None


def tamper(database: str, statement: str) -> None:
    """Change what the guards would refuse, as someone with the keys to the server could."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        assert connection.execute(statement.encode()).rowcount > 0
