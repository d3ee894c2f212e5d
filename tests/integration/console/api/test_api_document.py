"""The commands of docs/api.md do what they say, and the printed document is the served one."""

import json
import re
import subprocess
from pathlib import Path

from tests.external.servers import install
from tests.harness.books.console import ConsoleBooks
from tests.harness.servers.api import ApiClient, token_for
from tests.harness.servers.console import ConsoleSite

DOCUMENT = Path(__file__).parents[4] / "docs" / "api.md"


def test_every_command_of_the_document_works(
    site: ConsoleSite, console_books: ConsoleBooks
) -> None:
    install()
    scripts = re.findall(r"^```sh\n(.+?)^```", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
    environment = {
        "PATH": "/usr/bin:/bin",
        "TIEOUT": site.url,
        "TOKEN": token_for(site, "maria"),
    }
    outputs = []
    for script in scripts:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, (script, done.stderr)
        outputs.append(done.stdout)

    assert len(outputs) == 3
    assert json.loads(outputs[0])["name"] == "maria"
    assert '"total":14' in outputs[1]
    assert outputs[2].strip() == "explained"
    assert console_books.state_of(console_books.break_of("r2")) == "explained"


def test_the_command_prints_the_document_that_is_served(
    site: ConsoleSite, console_books: ConsoleBooks
) -> None:
    printed = json.loads(console_books.run("console", "openapi", by="maria"))

    assert printed == json.loads(ApiClient(site.port).get("/openapi.json").content)
    assert printed["openapi"] == "3.1.0"
