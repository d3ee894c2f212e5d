"""Log lines: JSON by default, and struck out where a secret could stand."""

import json
import subprocess
import sys

import structlog

from ops.runtime.logs import strike_forbidden

SAYING = """
import structlog
from ops.runtime import logs
logs.configure(console=False)
log = structlog.get_logger()
log.debug("nothing_said")
log.info("delivery_stored", provider="book", body="canary-1", Secret="canary-2")
try:
    raise ValueError("why")
except ValueError:
    log.exception("work_failed")
"""


def test_a_line_is_json_on_standard_error_without_forbidden_values() -> None:
    done = subprocess.run([sys.executable, "-c", SAYING], capture_output=True, text=True)

    stored, failed = (json.loads(line) for line in done.stderr.splitlines())
    assert stored.pop("timestamp").endswith("Z")
    assert stored == {
        "event": "delivery_stored",
        "level": "info",
        "provider": "book",
        "body": "***",
        "Secret": "***",
    }
    assert "ValueError: why" in failed["exception"]
    assert "canary" not in done.stderr
    assert done.stdout == ""


def test_ids_and_kinds_pass_unchanged() -> None:
    event = {"event": "fact_parked", "provider": "book", "operation": "bet:1"}

    assert strike_forbidden(structlog.get_logger(), "info", dict(event)) == event
