"""Schemathesis sends what the OpenAPI document allows, and what it does not, to a real console.

``make fuzz-api`` runs it for longer.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ops.commands.daemons.console import open_console
from tests.harness.books.console import DAY, ConsoleBooks
from tests.harness.servers.api import ApiClient, json_of, token_for
from tests.harness.servers.console import ConsoleSite, serving

#: Examples for each operation, in the suite; `make fuzz-api` sets more.
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "1"))
PHASES = os.environ.get("FUZZ_PHASES", "fuzzing")
#: Other cases than those of the suite; empty: those.
SEED = os.environ.get("FUZZ_SEED", "")
_TIMEOUT_S = 600 + 60 * EXAMPLES
#: What the rules of the books refuse although the schema allows it is no fault; and guessing
#: tokens is limited, so not every unknown token gets 401: test_api_rights.py asks for it.
_EXCLUDED = "positive_data_acceptance,ignored_auth"
_CONFIG = """
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 428, 429]
[checks.missing_required_header]
expected-statuses = [400, 401, 403, 404, 415, 428]
"""


@pytest.fixture
def unlimited(console_books: ConsoleBooks) -> Iterator[ConsoleSite]:
    """A console that answers any number of requests."""
    console = open_console(console_books.context)
    api = replace(console.config.api, requests_per_minute=10_000_000)
    with serving(replace(console, config=replace(console.config, api=api))) as site:
        yield site


def with_ids(client: ApiClient, console_books: ConsoleBooks) -> dict[str, Any]:
    """The document, with ids that exist as the only valid ones."""
    breaks = [console_books.break_of(f"r{number}") for number in range(6)]
    ids = {
        "breaks": breaks,
        "runs": [item["run_id"] for item in json_of(client.get("/runs"))["items"]],
        "tokens": ["tok-00000000000000000000"],
    }
    document: dict[str, Any] = json_of(client.get("/openapi.json"))
    for path, methods in document["paths"].items():
        values = {"provider": ["lottery"], "day": [DAY, "2026-06-05"], "file": ["1"]}
        values |= {"queue": ["post"], "action": ["requeue"], "rule": ["ops"], "note": ["1"]}
        values |= {"round": ["r1"], "player": ["ann"], "side": ["request"], "number": ["1"]}
        values["id"] = ids.get(path.split("/")[3], ["1"])
        for operation in methods.values():
            for parameter in operation["parameters"]:
                if parameter.get("in") == "path":
                    parameter["schema"] = {"enum": values[parameter["name"]]}
    return document


@pytest.mark.timeout(_TIMEOUT_S + 60)
def test_every_answer_follows_the_document_and_none_is_a_fault(
    unlimited: ConsoleSite, console_books: ConsoleBooks, tmp_path: Path
) -> None:
    token = token_for(unlimited, "ann")
    config, document = tmp_path / "schemathesis.toml", tmp_path / "openapi.json"
    config.write_text(_CONFIG)
    document.write_text(json.dumps(with_ids(ApiClient(unlimited.port, token), console_books)))
    command = [
        *(sys.executable, "-W", "ignore", "-m", "schemathesis.cli"),
        *("--config-file", str(config), "run", str(document), "--url", unlimited.url),
        *("--header", f"Authorization: Bearer {token}", "--no-color"),
        *("--phases", PHASES, "--max-examples", str(EXAMPLES)),
        *("--checks", "all", "--exclude-checks", _EXCLUDED, "--suppress-health-check", "all"),
        *("--warnings", "off", "--continue-on-failure", "--request-timeout", "30"),
        *(("--seed", SEED) if SEED else ("--generation-deterministic",)),
    ]

    with (tmp_path / "output").open("w") as output:
        done = subprocess.run(
            command, cwd=tmp_path, stdout=output, stderr=subprocess.STDOUT, timeout=_TIMEOUT_S
        )

    assert done.returncode == 0, (tmp_path / "output").read_text()[-20_000:]
