"""How files write amounts: marks, groups, signs, units and what stands beside them."""

from dataclasses import dataclass
from decimal import Decimal
from random import Random

from tests.harness.files.lines import BET, DIGITS, ROLLBACK, Line

_MARKS = (
    (".", ""),
    (".", ""),
    (".", ","),
    (",", ""),
    (",", "."),
    (",", " "),
    (",", "\N{NO-BREAK SPACE}"),
    (",", "\N{NARROW NO-BREAK SPACE}"),
    (".", "'"),
    (".", "\N{RIGHT SINGLE QUOTATION MARK}"),
)
_BESIDE = {
    "USD": ("$", "US$", "USD "),
    "EUR": ("€", "EUR ", "€ "),
    "PLN": ("zł ", "PLN "),
    "INR": ("₹", "INR "),
    "GBP": ("£", "GBP "),
    "JPY": ("¥", "JPY "),
    "BTC": ("₿", "BTC "),
    "KWD": ("KWD ",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AmountStyle:
    """A way to write amounts.

    Attributes:
        lakh: thousands are grouped as in 12,34,567.
        unit: ``major`` or ``minor``.
        sign: ``none``, or the side whose money a plus adds to.
        minus: how a negative amount is written.
        beside: a currency's sign or code stands before amounts.
        zeros: written after the currency's digits.
    """

    decimal: str = "."
    thousands: str = ""
    lakh: bool = False
    unit: str = "major"
    sign: str = "none"
    minus: str = "-"
    beside: bool = False
    zeros: int = 0

    @property
    def settings(self) -> dict[str, object]:
        """The settings that read it."""
        settings: dict[str, object] = {
            "decimal": self.decimal,
            "thousands": self.thousands,
            "unit": self.unit,
            "sign": self.sign,
        }
        if self.lakh:
            settings["grouping"] = "lakh"
        return settings


def amount_style(rng: Random, *, encoding: str) -> AmountStyle:
    """Any way that an encoding can write."""
    decimal, thousands = rng.choice(
        [pair for pair in _MARKS if is_encodable(pair[1], encoding)]
    )
    is_minor = rng.random() < 0.15
    return AmountStyle(
        decimal=decimal,
        thousands=thousands,
        lakh=(decimal, thousands) == (".", ",") and rng.random() < 0.3,
        unit="minor" if is_minor else "major",
        sign=rng.choice(("none", "none", "player", "operator")),
        minus=rng.choice(
            [m for m in ("-", "-", "()", "\u2212", "x-") if is_encodable(m, encoding)]
        ),
        beside=rng.random() < 0.15,
        zeros=0 if is_minor else rng.choice((0, 0, 0, 2, 6)),
    )


def is_encodable(text: str, encoding: str) -> bool:
    """Whether an encoding has these characters; Shift JIS writes a yen sign as a backslash."""
    try:
        return text.encode(encoding).decode(encoding) == text
    except UnicodeEncodeError:
        return False


def stated(line: Line, style: AmountStyle, *, is_rollback_negative: bool = False) -> Decimal:
    """The number that the file states, in its own unit and with its own sign."""
    digits = 0 if style.unit == "minor" else DIGITS[line.currency]
    number = Decimal(line.minor).scaleb(-digits)
    if style.sign == "none":
        return number
    is_minus = is_rollback_negative if line.action == ROLLBACK else line.action == BET
    if line.action != ROLLBACK and style.sign == "operator":
        is_minus = not is_minus
    return -number if is_minus and number else number


def amount_text(
    number: Decimal,
    currency: str,
    style: AmountStyle,
    *,
    encoding: str,
    digits: int | None = None,
) -> str:
    """A number as the file writes it."""
    if digits is None:
        digits = 0 if style.unit == "minor" else DIGITS[currency]
    whole, _, part = format(abs(number), f".{digits}f").partition(".")
    part += "0" * style.zeros
    text = _grouped(whole, style) + (f"{style.decimal}{part}" if part else "")
    if number < 0:
        text = _negative(text, style.minus)
    if style.beside and currency:
        signs = [sign for sign in _BESIDE[currency] if is_encodable(sign, encoding)]
        text = signs[len(whole) % len(signs)] + text
    return text


def _negative(text: str, minus: str) -> str:
    if minus == "()":
        return f"({text})"
    return f"{text}-" if minus == "x-" else f"{minus}{text}"


def _grouped(whole: str, style: AmountStyle) -> str:
    if not style.thousands or len(whole) <= 3:
        return whole
    head, groups = whole[:-3], [whole[-3:]]
    size = 2 if style.lakh else 3
    while head:
        groups.insert(0, head[-size:])
        head = head[:-size]
    return style.thousands.join(groups)
