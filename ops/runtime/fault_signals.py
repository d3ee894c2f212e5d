"""Test signals: let a test kill or freeze this process exactly at a named step.

``TIEOUT_TEST_SIGNALS`` names a directory. A file in it called as a step holds a signal's name;
the first process to reach the step takes the file, renaming it to ``<step>.taken.<pid>``, and
sends itself the signal. Only one process can take it, and only once. Production refuses the
variable, so that nobody can stop it this way.
"""

import os
import signal
from collections.abc import Mapping
from pathlib import Path

from ops.settings.model import Settings
from vocabulary import fault_points
from vocabulary.errors import SettingsInvalid
from vocabulary.fault_points import Step

VARIABLE = "TIEOUT_TEST_SIGNALS"


def install(settings: Settings, environ: Mapping[str, str]) -> None:
    """Obey signals at this process's steps if the environment names a directory.

    Raises:
        SettingsInvalid: the mode is production.
    """
    named = environ.get(VARIABLE)
    if not named:
        return
    if settings.mode == "production":
        raise SettingsInvalid(
            [f'environment variable {VARIABLE}: expected to be unset unless mode is "test"']
        )
    directory = Path(named)
    fault_points.listen(lambda step: obey(directory, step))


def obey(directory: Path, step: Step) -> None:
    """Claim the file of the step, if there is one, and send this process its signal."""
    pid = os.getpid()
    claimed = directory / f"{step}.taken.{pid}"
    try:
        (directory / step).rename(claimed)
    except FileNotFoundError:
        return
    os.kill(pid, signal.Signals[claimed.read_text()])
