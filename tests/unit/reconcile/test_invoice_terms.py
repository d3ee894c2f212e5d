"""What a provider may claim: exact shares, one rounding, and a precise word on bad invoices."""

import gzip
import random
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest

from ops.commands.finance.invoice_check import period_of
from ops.settings.fee_conversion import fee_terms
from ops.settings.sections.fees import TermsSettings
from reconcile.invoices.claims import Claim
from reconcile.invoices.file import InvoiceUnreadable, read_invoice
from reconcile.invoices.render import exact_text
from reconcile.invoices.terms import FeeTerms, TermsIncomplete, Tier, fee_of, rounded
from vocabulary.errors import Malformed

TIERS = (
    Tier(up_to=Fraction(1_000), share=Fraction(15, 100)),
    Tier(up_to=Fraction(5_000), share=Fraction(12, 100)),
    Tier(up_to=None, share=Fraction(10, 100)),
)


def _terms(**changes: object) -> FeeTerms:
    values: dict[str, object] = {"currency": "EUR", "digits": 2, "tiers": TIERS, **changes}
    return FeeTerms(**values)  # type: ignore[arg-type] # each test names its own parts


@pytest.mark.parametrize(
    ("ggr", "fee"),
    [
        (0, 0),
        (100_000, 15_000),
        (100_001, 15_000),
        (100_005, 15_001),
        (500_000, 63_000),
        (600_000, 73_000),
        (-100_000, 0),
    ],
)
def test_each_tier_shares_the_part_that_lies_in_it(ggr: int, fee: int) -> None:
    assert fee_of(_terms(), {"EUR": ggr}, {}).total == fee


def test_a_loss_is_shared_only_where_that_was_agreed() -> None:
    assert fee_of(_terms(losses="shared"), {"EUR": -100_000}, {}).total == -15_000


def test_a_minimum_decides_where_the_fee_is_less() -> None:
    low = fee_of(_terms(minimum=20_000, fixed={"studio": 4_000}), {"EUR": 100_000}, {})
    assert (low.total, low.minimum, low.fixed) == (20_000, True, 4_000)
    high = fee_of(_terms(minimum=19_000, fixed={"studio": 4_000}), {"EUR": 100_000}, {})
    assert (high.total, high.minimum) == (19_000, False)


def test_currencies_are_converted_by_the_rates_given_and_by_no_other() -> None:
    terms = _terms(rates={"JPY": Fraction("0.0061")})
    assert fee_of(terms, {"EUR": 50_000, "JPY": 100_000}, {}).converted == Fraction(1_110)
    with pytest.raises(TermsIncomplete, match=r"rates\.USD"):
        fee_of(terms, {"USD": 1}, {})


def test_tiers_may_apply_to_each_currency_by_itself() -> None:
    rates = {"USD": Fraction(1)}
    both = {"EUR": 100_000, "USD": 100_000}
    assert fee_of(_terms(rates=rates), both, {}).total == 27_000
    assert fee_of(_terms(rates=rates, apart=True), both, {}).total == 30_000


def test_a_feed_with_its_own_digits_claims_the_same_fee() -> None:
    assert fee_of(_terms(), {"EUR": 100_000_000}, {"EUR": 5}).total == 15_000


def test_half_goes_away_from_zero_as_decimal_says() -> None:
    dice = random.Random(5)
    for _ in range(500):
        text = f"{dice.choice(['', '-'])}{dice.randint(0, 9_999)}.{dice.choice('0245')}"
        expected = int(Decimal(text).quantize(Decimal(1), ROUND_HALF_UP))
        assert rounded(Fraction(text)) == expected


def test_an_exact_figure_is_told_with_all_its_digits() -> None:
    assert exact_text(Fraction("-12.345678901234567890123")) == "-12.345678901234567890123"


def _read(text: str, name: str = "june.toml") -> tuple[int, tuple[Claim, ...]]:
    read = read_invoice(text.encode(), name, currency="EUR", exponents={})
    return read.fee, read.claims


def test_the_same_invoice_reads_the_same_in_every_format() -> None:
    toml = 'fee = "7.50"\n[[lines]]\ngame = "a"\ncurrency = "JPY"\nggr = "-12"\n'
    json_text = '{"fee":"7.50","lines":[{"game":"a","currency":"JPY","ggr":"-12"}]}'
    csv_text = "game,currency,ggr,fee\na,JPY,-12,7.50\n"
    expected = (750, (Claim(game="a", currency="JPY", ggr=-12),))
    assert _read(toml) == _read(json_text, "j.json") == _read(csv_text, "j.csv") == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"fee":"1","fee":"9","lines":[]}', "'fee': it is expected once"),
        (
            '{"fee":"1","lines":[{"currency":"EUR","ggr":"1","ggr":"2"}]}',
            "'ggr': it is expected once",
        ),
        ('{"fee":' + "[" * 100_000, "brackets nested less deeply are expected"),
        ('{"fee":' + "9" * 5_000 + "}", "numbers of fewer digits are expected"),
        (
            '{"fee":"1","lines":[{"game":"a\\u0000","currency":"EUR","ggr":"1"}]}',
            r"lines\[1\].game: text of Unicode without NUL",
        ),
        (
            '{"invoice":"\\ud800","fee":"1","lines":[{"currency":"EUR","ggr":"1"}]}',
            "the invoice.invoice: text of Unicode without NUL",
        ),
    ],
)
def test_json_that_no_register_could_keep_is_refused_with_its_place(
    text: str, reason: str
) -> None:
    with pytest.raises(InvoiceUnreadable, match=reason):
        _read(text, "june.json")


@pytest.mark.parametrize("text", ["fee = " + "9" * 5_000, "fee = " + "[" * 100_000])
def test_toml_beyond_reason_is_refused(text: str) -> None:
    with pytest.raises(InvoiceUnreadable, match="june"):
        _read(text)


def test_a_claim_in_a_currency_without_digits_names_its_line() -> None:
    text = '[[lines]]\ncurrency = "DOGE"\nggr = "-12"\n'
    with pytest.raises(InvoiceUnreadable, match=r"lines\[1\].currency: DOGE is no currency"):
        _read(text)


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_packed_table_has_any_delimiter_as_one_that_is_not(
    delimiter: str, encoding: str
) -> None:
    text = "game,currency,ggr,fee\na,JPY,-12,7.50\n".replace(",", delimiter)
    packed = gzip.compress(text.encode(encoding))
    for name, data in (("j.csv", text.encode(encoding)), ("j.csv.gz", packed)):
        read = read_invoice(data, name, currency="EUR", exponents={})
        assert (read.fee, read.claims) == (750, (Claim(game="a", currency="JPY", ggr=-12),))


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffgame,currency,ggr,fee\r\na,JPY,-12,7.50\r\n",
        "sep=;\ngame;currency;ggr;fee\na;JPY;-12;7.50\n",
        "game\tcurrency\tggr\tfee\na\tJPY\t(12)\t7.50",
        'Invoice of June\ngame;currency;ggr;fee\n="a";JPY;"\N{MINUS SIGN}12";"7.50 €"\n',
    ],
)
def test_a_table_of_an_invoice_is_read_as_people_write_it(text: str) -> None:
    assert _read(text, "j.csv") == (750, (Claim(game="a", currency="JPY", ggr=-12),))


def test_every_bad_line_of_an_invoice_is_named() -> None:
    with pytest.raises(InvoiceUnreadable) as refused:
        _read("currency,ggr,fee\nUSD,x,1\nUSD,1,1\nUSD,NULL,1\n", "i.csv")

    lines = str(refused.value).splitlines()
    assert [line.split(": ")[0] for line in lines] == ["i.csv:2", "i.csv:4"]


@pytest.mark.parametrize(
    ("text", "name", "problem"),
    [
        ("fee = 7.5\n[[lines]]\ncurrency='USD'\nggr='1'", "i.toml", r"fee: a text"),
        ("fee = '7.505'\n[[lines]]\ncurrency='USD'\nggr='1'", "i.toml", r"at most 2 digits"),
        ("fee = '1'\nlines = []", "i.toml", "at least one line"),
        ("fee = '1'\n[[lines]]\ncurrency='USD'\nggr='1'\nvat='2'", "i.toml", "'vat' is not"),
        ("[[lines]]\ncurrency='USD'\nggr='1'", "i.toml", "a fee is expected"),
        ("fee = '1'\n[[lines]]\ncurrency='usd'\nggr='1'", "i.toml", r"lines\[1\]\.currency"),
        ("game,ggr\na,1\n", "i.csv", "i.csv:1: header: these columns are missing: currency"),
        ("currency,ggr,fee\nUSD,1\n", "i.csv", "csv:2: line: 3 fields are expected; found 2"),
        (
            "currency,ggr,fee\nUSD,1e3,1\n",
            "i.csv",
            r'i\.csv:2: ggr: a plain decimal amount is expected; .*; found "1e3"',
        ),
        (
            "currency,ggr,vat\nUSD,1,1\n",
            "i.csv",
            "i.csv:1: header: the column 'vat' is unknown",
        ),
        ("currency,ggr,fee\nUSD,1,1\nUSD,2,1\n", "i.csv", "claimed twice"),
        ("game,currency,ggr,fee\na,USD,1,1\n,USD,2,1\n", "i.csv", "by game and as a whole"),
        ('{"fee":"2","lines":[{"currency":"USD","ggr":"1","fee":"1"}]}', "i.json", "add up"),
        ('{"fee":', "i.json", "Expecting value"),
        ("<html>", "i.toml", "i.toml"),
        ("a = " + "[" * 3_000, "i.toml", "i.toml: brackets nested less deeply are expected"),
        ("[" * 100_000, "i.json", "i.json: brackets nested less deeply are expected"),
        ("9" * 5_000, "i.json", "i.json: numbers of fewer digits are expected"),
        (
            '{"fee":"2","lines":[{"currency":"USD","ggr":"1","game":"a\\u0000"}]}',
            *("i.json", r"lines\[1\].game: text of Unicode without NUL is expected"),
        ),
        (
            '{"fee":"2","lines":[{"currency":"USD","ggr":"1","game":"\\ud800"}]}',
            *("i.json", r"lines\[1\].game: text of Unicode without NUL is expected"),
        ),
        ("a", "i.pdf", r"\.toml, \.json or \.csv"),
    ],
)
def test_a_bad_invoice_is_refused_with_its_place(text: str, name: str, problem: str) -> None:
    with pytest.raises(InvoiceUnreadable, match=problem):
        _read(text, name)


def test_terms_are_read_from_settings_without_a_float_between() -> None:
    terms_settings = TermsSettings.model_validate(
        {
            "currency": "EUR",
            "tiers": [{"up_to": "1000", "share": "12.5"}, {"share": "10"}],
            "rates": {"USD": "0.92"},
            "minimum": "100.00",
        }
    )
    terms = fee_terms(terms_settings, {})
    assert terms.tiers[0].share == Fraction(1, 8)
    assert (terms.rates["USD"], terms.minimum) == (Fraction("0.92"), 10_000)


@pytest.mark.parametrize(
    "change",
    [
        {"tiers": []},
        {"tiers": [{"up_to": "5", "share": "1"}]},
        {"tiers": [{"up_to": "5", "share": "1"}, {"up_to": "5", "share": "1"}, {"share": "1"}]},
        {"tiers": [{"share": "101"}]},
        {"tiers": [{"share": 12.5}]},
        {"tiers": [{"share": "1e999999999"}]},
        {"tiers": [{"share": "1e-999999999"}]},
        {"rates": {"USD": "1E+9"}},
        {"rates": {"USD": "-1"}},
        {"minimum": "1.001"},
        {"rates": {"USD": "0"}},
        {"exclude_funds": ["cash"]},
    ],
)
def test_terms_that_cannot_hold_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"tiers|minimum|rates|exclude_funds"):
        TermsSettings.model_validate({"currency": "EUR", "tiers": [{"share": "10"}], **change})


def test_a_period_is_a_month_or_two_dates() -> None:
    assert period_of("2026-12", "UTC") == ("2026-12-01", "2027-01-01")
    assert period_of("2026-06-04", "UTC") == ("2026-06-04", "2026-06-05")
    assert period_of("2026-06-01/2026-06-15", "UTC") == ("2026-06-01", "2026-06-15")
    with pytest.raises(Malformed, match="a month such as 2026-06"):
        period_of("2026-13", "UTC")
