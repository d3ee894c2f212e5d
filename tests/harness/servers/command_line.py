"""Run the ``tieout`` command in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

from tests.harness.people import signed_in

#: Longest wait for a command, in seconds; generous for busy machines.
PATIENCE_S = 240


def run_tieout(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``tieout`` with the folder's ``tieout.toml`` and no other settings."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TIEOUT_")}
    return subprocess.run(
        [sys.executable, "-m", "ops", "--config", str(folder / "tieout.toml"), *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env={**environment, **signed_in(arguments), "PYTHONPATH": str(Path.cwd())},
    )
