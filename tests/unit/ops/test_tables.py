"""Tables of commands: whole without a terminal, folded on one."""

import pytest

from ops.commands import tables

ROW = ["aggregator", "r" * 60, "1234567890123.45 USD", "9876543210987.65 USD"]


def test_without_a_terminal_no_cell_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    tables.table(["provider", "round", "ours", "theirs"], [ROW])

    printed = capsys.readouterr().out
    assert "…" not in printed
    assert all(any(cell in line for line in printed.splitlines()) for cell in ROW)


def test_a_table_wider_than_a_pipe_goes_on_further_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names, row = ["provider", "player", "ours", "theirs"], ["agg", "p [x] :heart:", *ROW[2:]]
    tables.table(names, [["aggregator-of-the-north", *row[1:]]])
    narrow = capsys.readouterr().out.splitlines()
    monkeypatch.setenv("COLUMNS", "100")
    tables.table(names, [["aggregator-of-the-north", *row[1:]]])
    wide = capsys.readouterr().out.splitlines()

    assert max(map(len, narrow)) <= 80
    assert narrow[1].startswith("  theirs")
    assert "p [x] :heart:" in narrow[2]
    assert "│ p [x] :heart: │" in wide[3]


def test_a_row_whose_last_cells_are_empty_leaves_no_blank_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tables.table(["rule", "last error"], [["finance", ""], ["chat", "x" * 90]])

    lines = capsys.readouterr().out.splitlines()
    assert [line.strip() for line in lines] == [
        "rule",
        "last error",
        "finance",
        "chat",
        "x" * 90,
    ]


def test_what_follows_a_row_is_wrapped_below_it(capsys: pytest.CaptureFixture[str]) -> None:
    causes = " ".join(["payout_mismatch -0.66,"] * 5)
    rows = [["2026-06-04", "1.00"], ["2026-06-05", "2.00"]]
    tables.wide_table(("day", "GGR"), rows, left=1, empty="nothing", below=[causes, ""])

    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert " ".join(line.strip() for line in lines[2:-1]) == causes
    assert lines[-1] == "2026-06-05  2.00"


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


def test_a_row_that_is_wider_than_the_output_goes_on_a_further_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = ("provider", "state", "ours", "theirs", "difference")
    ours, theirs = "1234567890123.45 USD", "9876543210987.65 USD"
    state = "changed since (signed by jonas)"
    rows = [["aggregator", state, ours, theirs, "-1"], ["b", "", "", "", "0"]]

    tables.wide_table(names, rows, left=2, empty="nothing")

    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert [line.split("  ")[0] for line in lines[::2]] == ["provider", "aggregator", "b"]
    assert all(line.startswith("  ") for line in lines[1::2])
    assert {len(line) for line in lines[1::2]} == {len(lines[1])}
    assert state in lines[2]
    assert ours in lines[3]
    assert theirs in lines[3]


def test_more_figures_than_a_line_holds_take_as_many_lines_as_they_need(
    capsys: pytest.CaptureFixture[str],
) -> None:
    amount, long = "1234567890123.45 USD", "9" * 100

    tables.wide_table(tuple("abcdefg"), [["b", *[amount] * 5, long]], left=1, empty="nothing")

    lines = capsys.readouterr().out.splitlines()[3:]
    assert [line.count(amount) for line in lines] == [3, 2, 0]
    assert [len(line) <= 80 for line in lines] == [True, True, False]
    assert lines[2].strip() == long


def test_a_row_that_has_room_stays_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    tables.wide_table(("day", "GGR"), [["2026-06-04", "1.00"]], left=1, empty="nothing")

    assert capsys.readouterr().out == "day          GGR\n2026-06-04  1.00\n"


def test_no_rows_are_a_sentence_and_no_heading(capsys: pytest.CaptureFixture[str]) -> None:
    tables.wide_table(("day", "GGR"), [], left=1, empty="nothing was booked")

    assert capsys.readouterr().out == "nothing was booked\n"
