"""Test signals: let a test kill or freeze this process exactly at a named step.

``TIEOUT_TEST_SIGNALS`` names a directory. A file in it called as a step holds a signal's name;
the first process to reach the step takes the file, renaming it to ``<step>.taken.<pid>``, and
sends itself the signal. Only one process can take it, and only once. Production refuses the
variable: nobody shall be able to stop it that way.
"""

import os
import signal
from collections.abc import Mapping
from pathlib import Path

from ops.settings.model import Settings
from vocabulary import steps
from vocabulary.errors import SettingsInvalid
from vocabulary.steps import Step

VARIABLE = "TIEOUT_TEST_SIGNALS"


def install(settings: Settings, environ: Mapping[str, str]) -> None:
    """Listen to this process's steps where the environment asks for it.

    Raises:
        SettingsInvalid: it asks for it in production.
    """
    named = environ.get(VARIABLE)
    if not named:
        return
    if settings.mode == "production":
        raise SettingsInvalid(
            [f'environment variable {VARIABLE}: expected to be unset unless mode is "test"']
        )
    directory = Path(named)
    steps.listen(lambda step: obey(directory, step))


def obey(directory: Path, step: Step) -> None:
    """Take the order that waits for the step, if one does, and send this process the signal."""
    pid = os.getpid()
    taken = directory / f"{step}.taken.{pid}"
    try:
        (directory / step).rename(taken)
    except FileNotFoundError:
        return
    os.kill(pid, signal.Signals[taken.read_text()])
