"""Amounts as a file has them: plain decimals in the file's unit, with the file's signs.

Marks of decimals and thousands count only as declared. What can be read in one way only is read
without a declaration: blanks around, signs before or after, parentheses for a negative amount,
a currency's code or sign if it is the line's currency.
"""

import re
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from functools import lru_cache

from feeds.statements.reading.cells import DOUBLE_DIGITS, Cell, CellKind
from feeds.statements.reading.file_format import AmountUnit, FileRules, Grouping
from feeds.statements.reading.values.text import INVISIBLE
from vocabulary.currencies import is_currency
from vocabulary.errors import Malformed

#: Largest distance from a whole number of smallest units that is still float noise, in
#: smallest units: doubles of up to 10**10 units with two decimals are noisier by less.
NOISE_MAX = Decimal("0.001")

_PLAIN = re.compile(r"-?[0-9]+(?:\.[0-9]+)?", re.ASCII)
_AROUND = re.compile(r"([^0-9]*)([0-9](?:.*[0-9])?)([^0-9]*)", re.ASCII | re.DOTALL)
_MINUS = "-\N{MINUS SIGN}"
_NOT_MARKS = str.maketrans(dict.fromkeys(f"+{_MINUS}(){INVISIBLE}", ""))
#: Marks of thousands that look alike are one mark.
_ALIKE = (
    " \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}",
    "'\N{RIGHT SINGLE QUOTATION MARK}",
)
_NUMBER_NOISE = re.compile(r"-?[0-9]*\.[0-9]*(?:0{6,}|9{6,})[0-9]{0,3}[1-9]", re.ASCII)
_DOUBLE = Context(prec=DOUBLE_DIGITS, rounding=ROUND_HALF_EVEN)
_NOISE = "an amount is expected, not float noise"
_DECIMAL = "a plain decimal amount is expected"
#: Most digits before the point of a number that is written out.
_WHOLE_DIGITS_MAX = 30

#: The currencies of a sign; a sign that is not here stands for none.
_SIGNS: Mapping[str, frozenset[str]] = {
    sign: frozenset(codes.split())
    for sign, codes in {
        "€": "EUR",
        "£": "GBP EGP FKP GIP SHP SSP SDG SYP LBP",
        "$": "USD ARS AUD BBD BMD BND BSD BZD CAD CLP COP CUP CVE DOP FJD GYD HKD JMD KYD LRD"
        " MXN NAD NZD SBD SGD SRD TTD TWD UYU XCD",
        "US$": "USD",
        "A$": "AUD",
        "C$": "CAD NIO",
        "R$": "BRL",
        "¥": "JPY CNY",
        "₹": "INR",
        "Rs": "INR PKR LKR NPR MUR",
        "zł": "PLN",
        "kr": "SEK NOK DKK ISK",
        "Kč": "CZK",
        "Ft": "HUF",
        "lei": "RON MDL",
        "лв": "BGN",
        "₺": "TRY",
        "TL": "TRY",
        "₽": "RUB",
        "₴": "UAH",
        "₸": "KZT",
        "₾": "GEL",
        "₼": "AZN",
        "₩": "KRW KPW",
        "₫": "VND",
        "฿": "THB",
        "₱": "PHP",
        "₦": "NGN",
        "₵": "GHS",
        "₪": "ILS",
        "₿": "BTC",
        "R": "ZAR",
        "S/": "PEN",
        "Fr": "CHF",
    }.items()
}


def stated_amount(
    cell: Cell, text: str, name: str, rules: FileRules, *, currency: str | None, digits: int
) -> str:
    """The amount in a cell as a plain decimal in the file's unit; ``-`` only before nonzero.

    Args:
        cell: a number or text.
        text: of the cell, trimmed and unprotected.
        name: of the field.
        rules: the declared marks and unit.
        currency: of the line; None: any.
        digits: most digits after the point of an amount in the file's unit.

    Raises:
        Malformed: no amount, or not written as declared.
    """
    match cell.kind:
        case CellKind.INSTANT:
            raise Malformed(name, "an amount is expected, not a date")
        case CellKind.DOUBLE:
            plain = _without_noise(text, name, digits)
        case CellKind.EXACT:
            plain = _plain_number(text, name)
        case _:
            plain = text if _is_plain(text, rules) else _written(text, name, rules, currency)
    if "." in plain and plain.rpartition(".")[2][digits:].strip("0"):
        if _NUMBER_NOISE.fullmatch(plain):
            raise Malformed(name, _NOISE)
        raise Malformed(name, _too_precise(rules, digits))
    return plain[1:] if plain.startswith("-") and not plain.strip("-0.") else plain


def _is_plain(text: str, rules: FileRules) -> bool:
    return rules.decimal == "." and _PLAIN.fullmatch(text) is not None


def _without_noise(text: str, name: str, digits: int) -> str:
    """A double as the decimal of 15 digits that it stands for."""
    number = _number(text, name)
    short = shortened(number)
    if abs(short - number).scaleb(digits) > NOISE_MAX:
        raise Malformed(name, _NOISE)
    return format(short, "f")


def shortened(number: Decimal) -> Decimal:
    """A number with the digits that a double keeps."""
    return _DOUBLE.plus(number)


def _plain_number(text: str, name: str) -> str:
    return text if _PLAIN.fullmatch(text) else format(_number(text, name), "f")


def _number(text: str, name: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise Malformed(name, _DECIMAL) from None
    if not number.is_finite() or abs(number.adjusted()) > _WHOLE_DIGITS_MAX:
        raise Malformed(name, _DECIMAL)
    return number


def _too_precise(rules: FileRules, digits: int) -> str:
    if rules.unit is AmountUnit.MINOR:
        return "a whole number of the currency's smallest unit is expected (setting unit)"
    return f"at most {digits} digits after the point are expected"


def _written(text: str, name: str, rules: FileRules, currency: str | None) -> str:
    """An amount written as declared, as a plain decimal with a point."""
    match = _AROUND.fullmatch(text)
    if match is None:
        raise Malformed(name, _DECIMAL)
    before, number, after = match.groups()
    if before.endswith(rules.decimal) and not before[:-1][-1:].isalpha():
        before, number = before.removesuffix(rules.decimal), f"0{rules.decimal}{number}"
    _check_mark(before, after, name, currency)
    is_bracketed = "(" in before and ")" in after
    signs = [char for char in before + after if char in f"+{_MINUS}"]
    brackets = sum(char in "()" for char in before + after)
    if len(signs) + is_bracketed > 1 or brackets != 2 * is_bracketed:
        raise Malformed(name, f"{_DECIMAL} with at most one sign")
    minus = "-" if is_bracketed or (signs and signs[0] in _MINUS) else ""
    return minus + _without_marks(number, name, rules)


def _check_mark(before: str, after: str, name: str, currency: str | None) -> None:
    """Refuse a mark beside an amount that is not one sign or code of the line's currency."""
    marks = [
        part for part in (before.translate(_NOT_MARKS), after.translate(_NOT_MARKS)) if part
    ]
    if not marks:
        return
    mark = marks[0] if marks[0] in _SIGNS else marks[0].removesuffix(".")
    codes = _SIGNS.get(mark, frozenset({mark} if is_currency(mark) else ()))
    is_known = bool(codes) if currency is None else currency in codes
    # Before digits a point may be a mark of decimals: "Rs.50" is fifty, or a half.
    if len(marks) > 1 or not is_known or before.endswith((".", ",")):
        expected = f"only a sign of {currency}" if currency else "only a currency's sign"
        raise Malformed(name, f"{_DECIMAL}, with {expected} beside it")


def _without_marks(number: str, name: str, rules: FileRules) -> str:
    pattern = _number_pattern(rules.decimal, rules.thousands, rules.grouping)
    match = pattern.fullmatch(number)
    if match is None:
        raise Malformed(name, _undeclared(rules))
    whole = "".join(filter(str.isdigit, match["whole"]))
    return f"{whole}.{match['part']}" if match["part"] else whole


def _undeclared(rules: FileRules) -> str:
    if (rules.decimal, rules.thousands) == (".", ""):
        return f"{_DECIMAL}; a comma has to be declared (settings decimal, thousands)"
    marks = f"decimal {rules.decimal!r}"
    if rules.thousands:
        groups = " in lakhs" if rules.grouping is Grouping.LAKH else ""
        marks += f" and thousands {rules.thousands!r}{groups}"
    return f"an amount with {marks} is expected, as declared"


@lru_cache
def _number_pattern(decimal: str, thousands: str, grouping: Grouping) -> re.Pattern[str]:
    alike = next((marks for marks in _ALIKE if thousands and thousands in marks), thousands)
    whole = "[0-9]+"
    if thousands:
        first, inner = ("{1,2}", "{2}") if grouping is Grouping.LAKH else ("{1,3}", "{3}")
        mark = f"[{re.escape(alike)}]"
        grouped = f"[0-9]{first}(?:{mark}[0-9]{inner})*{mark}[0-9]{{3}}"
        whole = f"{grouped}|{whole}"
    return re.compile(rf"(?P<whole>{whole})(?:{re.escape(decimal)}(?P<part>[0-9]+))?", re.ASCII)
