"""Tables of commands: whole without a terminal, folded on one."""

import pytest

from ops.commands import tables

ROW = ["aggregator", "r" * 60, "1234567890123.45 USD", "9876543210987.65 USD"]


def test_without_a_terminal_no_cell_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    tables.table(["provider", "round", "ours", "theirs"], [ROW])

    printed = capsys.readouterr().out
    assert "…" not in printed
    assert all(any(cell in line for line in printed.splitlines()) for cell in ROW)


def test_on_a_narrow_terminal_a_long_cell_is_folded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in (("FORCE_COLOR", "1"), ("COLUMNS", "60"), ("NO_COLOR", "1")):
        monkeypatch.setenv(name, value)

    tables.table(["provider", "round", "ours", "theirs"], [ROW])

    printed = capsys.readouterr().out
    assert "…" not in printed
    assert printed.count("r") >= len(ROW[1])
    assert len(printed.splitlines()[0]) <= 60
