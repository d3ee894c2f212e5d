"""Growth of the console's memory, as its benchmark prints it."""

import pytest

from benchmarks.console.memory import growths, marks_of


def test_memory_is_read_when_it_has_settled_and_at_the_marks_up_to_the_last_view() -> None:
    assert marks_of(12_000) == [500, 2_000, 10_000, 12_000]
    assert marks_of(30_000) == [500, 2_000, 10_000, 30_000]
    assert marks_of(0) == []


def test_growth_counts_from_where_memory_has_settled() -> None:
    flat, grown = growths({500: 100.0, 2_000: 400.0, 10_000: 402.0, 30_000: 412.0})

    assert (flat.since, flat.until, flat.is_flat) == (2_000, 10_000, True)
    assert flat.percent == pytest.approx(0.5)
    assert (grown.mebibytes, grown.is_flat) == (10.0, False)
    assert grown.line() == (
        "memory: +10.0 MiB (+2.49 %) from view 10,000 to 30,000; the aim, below 1 %, is missed"
    )


def test_without_a_second_mark_there_is_no_growth_to_show() -> None:
    assert growths({500: 100.0, 2_000: 400.0}) == []
