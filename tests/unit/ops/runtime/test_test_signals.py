"""Test signals: taken once, by whoever comes to the step, and never in production."""

import signal
from pathlib import Path

import pytest

from ops.runtime.fault_signals import VARIABLE, install, obey
from ops.settings.model import Settings
from vocabulary import fault_points
from vocabulary.errors import SettingsInvalid
from vocabulary.fault_points import Step


def test_only_the_first_process_at_a_step_claims_its_signal(
    tmp_path: Path,
) -> None:
    (tmp_path / "committed").write_text(signal.SIGCONT.name)  # which does nothing to us

    obey(tmp_path, Step.DECIDED)
    assert [path.name for path in tmp_path.iterdir()] == ["committed"]
    obey(tmp_path, Step.COMMITTED)
    (claimed,) = tmp_path.iterdir()
    obey(tmp_path, Step.COMMITTED)

    assert claimed.name.startswith("committed.taken.")
    assert list(tmp_path.iterdir()) == [claimed]


def test_production_refuses_to_be_signalled(tmp_path: Path) -> None:
    before = fault_points.reached
    with pytest.raises(SettingsInvalid, match=f"{VARIABLE}: expected to be unset"):
        install(Settings(mode="production"), {VARIABLE: str(tmp_path)})
    assert fault_points.reached is before


def test_without_the_variable_nobody_listens() -> None:
    before = fault_points.reached
    install(Settings(mode="test"), {})
    assert fault_points.reached is before
