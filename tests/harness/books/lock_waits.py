"""Wait until somebody waits for a lock of the database, so that two meet at one moment."""

import threading

from sqlalchemy import Engine, text

_WAITING = text("""
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND wait_event_type = 'Lock'
""")


def until_somebody_waits(engine: Engine) -> None:
    """Return once a session of the database waits for a lock."""
    pause = threading.Event()
    for _ in range(3_000):
        with engine.connect() as connection:
            if connection.execute(_WAITING).scalar_one():
                return
        pause.wait(0.01)
    raise AssertionError("nobody waits for a lock")
