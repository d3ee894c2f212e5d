"""Run the ``tieout`` command in a process of its own."""

import os
import subprocess
from pathlib import Path

from tests.harness.people import signed_in
from tests.harness.servers.forked_commands import run_command

#: Longest wait for a command, in seconds; generous for busy machines.
PATIENCE_S = 240


def run_tieout(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``tieout`` with the folder's ``tieout.toml`` and no other settings."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TIEOUT_")}
    return run_command(
        ["--config", str(folder / "tieout.toml"), *arguments],
        cwd=Path.cwd(),
        env={**environment, **signed_in(arguments), "PYTHONPATH": str(Path.cwd())},
        timeout=PATIENCE_S,
    )
