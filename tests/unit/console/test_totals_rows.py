"""Rows of totals: their texts, and where their figures lead."""

from dataclasses import replace
from datetime import date

import pytest

from console.config import ProviderTerms
from console.pages.figures.span import DaySpan
from console.pages.figures.totals import TotalsQuery, links_of
from console.pages.figures.totals_rows import ReportingCurrency, row_of
from reconcile.totals.cells import Figures
from reports.grouped_totals import ConvertedGgr, GroupBy, TotalsGroup

POUNDS = ReportingCurrency("GBP", 2)
SOURCES = frozenset({"central bank"})
UNKNOWN = frozenset({(date(2026, 5, 2), "EUR")})
TERM = ProviderTerms(slug="lottery", zone="UTC", exponents={})


def query(*by: GroupBy, provider: str | None = None) -> TotalsQuery:
    span = DaySpan(
        first=date(2026, 4, 20), last=date(2026, 6, 10), provider=provider, terms=(TERM,)
    )
    return TotalsQuery(span=span, by=by, currency=None, game=None)


def group(
    *name: str, theirs: int = 900, in_breaks: int = 0, open_breaks: int = 0
) -> TotalsGroup:
    return TotalsGroup(
        name=name,
        currency="EUR",
        digits=2,
        ours=Figures(rounds=1_200, stake=100_000, payout=99_100),
        theirs=Figures(rounds=1_200, stake=100_000, payout=100_000 - theirs),
        in_breaks=in_breaks,
        open_breaks=open_breaks,
    )


@pytest.mark.parametrize(
    ("month", "days"),
    [
        ("2026-04", "from=2026-04-20&to=2026-04-30"),
        ("2026-05", "from=2026-05-01&to=2026-05-31"),
        ("2026-06", "from=2026-06-01&to=2026-06-10"),
    ],
)
def test_a_month_leads_to_those_of_its_days_that_were_asked_for(month: str, days: str) -> None:
    links = links_of(query(GroupBy.MONTH), group(month))

    assert links["closer"] == f"/totals?{days}&currency=EUR&by=day"
    assert links["sides"] == links["closer"]
    assert links["breaks"] == f"{links['closer']}#behind"


def test_a_day_of_a_provider_leads_to_its_page_and_its_breaks() -> None:
    links = links_of(query(GroupBy.DAY, provider="lottery"), group("2026-05-02"))

    assert links["closer"] == (
        "/totals?from=2026-05-02&to=2026-05-02&provider=lottery&currency=EUR&by=game"
    )
    assert links["sides"] == "/days/lottery/2026-05-02"
    assert links["breaks"] == "/breaks?provider=lottery&day=2026-05-02&currency=EUR"


def test_names_in_addresses_are_escaped() -> None:
    links = links_of(query(GroupBy.GAME, provider="lottery"), group("a&b=<c>"))

    assert "&game=a%26b%3D%3Cc%3E&" in links["closer"]


def test_figures_of_both_sides_stand_side_by_side() -> None:
    row = row_of(group("2026-05-02"), {"sides": "/days/lottery/2026-05-02"}, None)

    assert [tuple(pair) for pair in row.pairs] == [
        ("rounds", "1\u202f200", "1\u202f200", ""),
        ("stake", "1\u202f000.00", "1\u202f000.00", ""),
        ("payout", "991.00", "991.00", ""),
        ("GGR", "9.00", "9.00", "/days/lottery/2026-05-02"),
        ("hold %", "0.90", "0.90", ""),
    ]


def test_a_row_leads_to_breaks_only_if_there_are_some() -> None:
    links = {"breaks": "/breaks?day=2026-05-02"}
    quiet = row_of(group("2026-05-02"), links, None)
    differing = row_of(
        group("2026-05-02", theirs=700, in_breaks=-150, open_breaks=2), links, None
    )

    assert (quiet.in_breaks, quiet.in_breaks_link, quiet.open_breaks) == ("0.00", "", "")
    assert (differing.in_breaks_link, differing.open_breaks) == (links["breaks"], "2")
    assert (differing.difference, differing.in_breaks, differing.unexplained) == (
        "\N{MINUS SIGN}2.00",
        "\N{MINUS SIGN}1.50",
        "\N{MINUS SIGN}0.50",
    )


def test_the_names_of_a_row_are_escaped_and_the_first_leads_closer() -> None:
    row = row_of(group("", "a<b"), {"closer": "/totals?by=day&game=x"}, None)

    assert row.names(["game", "provider"]) == (
        '<th scope="row" data-label="game"><a href="/totals?by=day&amp;game=x">none</a></th>\n'
        '<td data-label="provider">a&lt;b</td>\n'
        '<td data-label="currency">EUR</td>'
    )
    assert row.names([]) == (
        '<th scope="row" data-label="currency"><a href="/totals?by=day&amp;game=x">EUR</a></th>'
    )


@pytest.mark.parametrize(
    ("converted", "shown"),
    [
        (None, '<span title="games are not converted">\N{EN DASH}</span>'),
        (ConvertedGgr(missing=UNKNOWN), '<span title="no rate is known">\N{EN DASH}</span>'),
        (
            ConvertedGgr(ours=150, theirs=140, count=1, sources=SOURCES, missing=UNKNOWN),
            '<span title="only the days with a rate">1.50 *</span><span>1.40 *</span>',
        ),
        (
            ConvertedGgr(ours=150, theirs=150, count=1, sources=SOURCES),
            (
                '<span><span class="hidden">ours </span>1.50</span>'
                '<span><span class="hidden">theirs </span>1.50</span>'
            ),
        ),
    ],
)
def test_a_converted_figure_says_which_days_it_lacks(
    converted: ConvertedGgr | None, shown: str
) -> None:
    figures = row_of(replace(group("2026-05-02"), converted=converted), {}, POUNDS).figures

    assert f'data-label="in GBP">{shown}</td>' in figures
    assert "in GBP" not in row_of(group("2026-05-02"), {}, None).figures
