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


DAEMON = """
import logging, warnings
import structlog
from ops.runtime import logs
logs.configure(console=False, role="worker")
structlog.get_logger().info("batch_posted", batch=7)
logging.getLogger("dramatiq.MainProcess").info("booting %s", "up")
logging.getLogger("asyncio").info("nothing said")
try:
    raise ValueError("why")
except ValueError:
    logging.getLogger("asyncio").exception("task failed")
warnings.warn("old way")
"""


def test_a_daemon_and_its_libraries_write_one_stream_that_names_the_writer() -> None:
    done = subprocess.run([sys.executable, "-c", DAEMON], capture_output=True, text=True)

    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(line["event"], line["level"], line["source"]) for line in lines[:3]] == [
        ("batch_posted", "info", "__main__"),
        ("booting up", "info", "dramatiq.MainProcess"),
        ("task failed", "error", "asyncio"),
    ]
    assert "ValueError: why" in lines[2]["exception"]
    assert lines[3]["source"] == "py.warnings"
    assert len(lines) == 4
    assert {line["role"] for line in lines} == {"worker"}
    assert len({(line["process"], line["host"]) for line in lines}) == 1
