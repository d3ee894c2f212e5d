"""Reading an invoice: what a provider claims, from TOML, JSON or CSV.

Amounts are decimal text. Anything unknown, doubled or unreadable is refused, with its place.
"""

import csv
import io
import json
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from vocabulary.errors import Malformed, Refused
from vocabulary.money import exponent_of, is_currency, minor_from_text

_TOP = frozenset({"invoice", "currency", "fee", "lines"})
_LINE = frozenset({"game", "currency", "ggr", "fee"})


class InvoiceUnreadable(Refused):
    """The file is no invoice; the message says where and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One line: the GGR that is claimed to have been won, minor units of its currency.

    Attributes:
        game: None: all games of the currency.
    """

    game: str | None
    currency: str
    ggr: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """What a provider claims.

    Attributes:
        fee: minor units of ``currency``.
    """

    name: str
    currency: str
    claims: tuple[Claim, ...]
    fee: int


def read_invoice(
    data: bytes, name: str, *, currency: str, exponents: Mapping[str, int]
) -> Invoice:
    """Read an invoice by how its name ends.

    Args:
        data: the file.
        name: its name.
        currency: the one the fee is in, where the file names none.
        exponents: the provider's overrides of digits after the point.

    Raises:
        InvoiceUnreadable: with the place in the file.
    """
    readers = {".toml": _toml, ".json": _json, ".csv": _csv}
    reader = readers.get(PurePath(name).suffix.lower())
    if reader is None:
        raise InvoiceUnreadable(f"{name}: .toml, .json or .csv is expected")
    try:
        return _invoice(reader(data), name, currency, exponents)
    except UnicodeDecodeError as error:
        raise InvoiceUnreadable(f"{name}: UTF-8 is expected") from error
    except (tomllib.TOMLDecodeError, json.JSONDecodeError, csv.Error) as error:
        raise InvoiceUnreadable(f"{name}: {error}") from error
    except Malformed as error:
        raise InvoiceUnreadable(f"{name}: {error}") from error


def _toml(data: bytes) -> Any:
    return tomllib.loads(data.decode("utf-8-sig"))


def _json(data: bytes) -> Any:
    return json.loads(data.decode("utf-8-sig"))


def _csv(data: bytes) -> Any:
    reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
    missing = {"currency", "ggr"} - set(reader.fieldnames or ())
    if missing:
        raise Malformed("line 1", f"the column {min(missing)!r} is missing")
    lines = []
    for row in reader:
        if None in row or None in row.values():
            raise Malformed(f"line {reader.line_num}", "as many cells as columns are expected")
        lines.append({key: value for key, value in row.items() if value != ""})
    return {"lines": lines}


def _invoice(told: Any, name: str, currency: str, exponents: Mapping[str, int]) -> Invoice:
    _known(told, _TOP, "the invoice")
    code = _text(told, "currency", "the invoice") if "currency" in told else currency
    lines = told.get("lines")
    if not isinstance(lines, list) or not lines:
        raise Malformed("lines", "a list of at least one line is expected")
    places = [f"lines[{number}]" for number in range(1, len(lines) + 1)]
    claims = tuple(
        _claim(line, place, exponents) for line, place in zip(lines, places, strict=True)
    )
    _each_once(claims)
    return Invoice(
        name=_text(told, "invoice", "the invoice") if "invoice" in told else name,
        currency=code,
        claims=claims,
        fee=_fee(told, lines, exponent_of(code)),
    )


def _claim(line: Any, place: str, exponents: Mapping[str, int]) -> Claim:
    _known(line, _LINE, place)
    currency = _text(line, "currency", place)
    if not is_currency(currency):
        raise Malformed(f"{place}.currency", "a currency code such as USD is expected")
    return Claim(
        game=_text(line, "game", place) if "game" in line else None,
        currency=currency,
        ggr=_amount(line, "ggr", place, exponent_of(currency, exponents)),
    )


def _fee(told: Mapping[str, Any], lines: list[Any], digits: int) -> int:
    """The fee of the whole, or of its lines together; both have to be the same."""
    fees = [
        _amount(line, "fee", f"lines[{number}]", digits)
        for number, line in enumerate(lines, start=1)
        if "fee" in line
    ]
    if "fee" not in told:
        if not fees:
            raise Malformed("fee", "a fee is expected, of the whole or of its lines")
        return sum(fees)
    whole = _amount(told, "fee", "the invoice", digits)
    if fees and sum(fees) != whole:
        raise Malformed("fee", "the fees of the lines do not add up to it")
    return whole


def _each_once(claims: tuple[Claim, ...]) -> None:
    for (game, currency), times in Counter((c.game, c.currency) for c in claims).items():
        if times > 1:
            raise Malformed("lines", f"{game or 'all games'} in {currency} are claimed twice")
    for currency in {each.currency for each in claims if each.game is None}:
        if any(each.game is not None and each.currency == currency for each in claims):
            raise Malformed("lines", f"{currency} is claimed by game and as a whole")


def _known(told: Any, known: frozenset[str], place: str) -> None:
    if not isinstance(told, dict):
        raise Malformed(place, "a table is expected")
    for key in told:
        if key not in known:
            expected = ", ".join(sorted(known))
            raise Malformed(place, f"{key!r} is not known here; {expected} are")


def _text(told: Mapping[str, Any], key: str, place: str) -> str:
    value = told.get(key)
    if not isinstance(value, str) or not value:
        raise Malformed(f"{place}.{key}", "a text is expected")
    return value


def _amount(told: Mapping[str, Any], key: str, place: str, digits: int) -> int:
    return minor_from_text(_text(told, key, place), digits, path=f"{place}.{key}")
