"""Progress of long work: on a terminal, and nowhere else."""

import pytest

from ops.commands.progress import progress_of_steps


def _three_steps() -> None:
    with progress_of_steps(3) as begin:
        for name in ("aggregator", "sportsbook", "xigs"):
            begin(name)


def test_a_terminal_shows_the_step_at_work_and_how_many_are_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    _three_steps()

    out, err = capsys.readouterr()
    assert out == ""
    assert "xigs" in err
    assert "3/3" in err


def test_without_a_terminal_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    _three_steps()

    assert capsys.readouterr() == ("", "")
