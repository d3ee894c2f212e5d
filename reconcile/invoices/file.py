"""Read an invoice, which is what a provider claims, from TOML, JSON or a table.

A table is CSV or a workbook, also packed, and is read like a statement. Amounts are decimal
text. Anything unknown, repeated or unreadable is refused, with its place.
"""

import json
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import PurePath
from tempfile import TemporaryFile
from typing import Any

from feeds.findings import NewFinding
from feeds.statements.listed_findings import ListedFindings
from feeds.statements.reading.file_format import FileRules
from feeds.value_table import ValueReader, ValueRow
from providers.statements.format import FieldKind
from reconcile.invoices.claims import Claim, Invoice
from vocabulary.currencies import digits_of, is_currency, outside_iso
from vocabulary.errors import Malformed, Refused
from vocabulary.money import minor_from_text
from vocabulary.texts import is_storable, parser_problem

_TOP = frozenset({"invoice", "currency", "fee", "lines"})
_LINE = frozenset({"game", "currency", "ggr", "fee"})
_FIELDS = {
    "currency": FieldKind.WORD,
    "ggr": FieldKind.AMOUNT,
    "game": FieldKind.ID,
    "fee": FieldKind.AMOUNT,
}
_TABLES = frozenset({".csv", ".tsv", ".xlsx", ".gz", ".bz2", ".xz", ".zip"})
#: How the values of a table are written unless something else is declared.
USUAL_RULES = FileRules(final_newline=False)


class InvoiceUnreadable(Refused):
    """The file is not an invoice; the message says where and why."""


def read_invoice(
    data: bytes,
    name: str,
    *,
    currency: str,
    exponents: Mapping[str, int],
    rules: FileRules = USUAL_RULES,
) -> Invoice:
    """Read an invoice in the format of its file name.

    Args:
        data: the file's content.
        name: the file's name.
        currency: the currency of the fee, if the file names none.
        exponents: the provider's overrides of decimal places.
        rules: how the values of a table are written.

    Raises:
        InvoiceUnreadable: with every problem and its place in the file.
    """
    suffix = PurePath(name).suffix.lower()
    try:
        if suffix in _TABLES:
            table = _lines_of_table(data, name, currency, exponents, rules)
        elif suffix == ".toml":
            table = _document(tomllib.loads, data, name)
        elif suffix == ".json":
            table = _document(_parse_json, data, name)
        else:
            raise InvoiceUnreadable(f"{name}: .toml, .json or .csv is expected, or .xlsx")
        return _invoice(table, name, currency, exponents)
    except Malformed as error:
        raise InvoiceUnreadable(f"{name}: {error}") from error


def _document(parse: Callable[[str], Any], data: bytes, name: str) -> Any:
    try:
        return parse(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InvoiceUnreadable(f"{name}: UTF-8 is expected") from error
    except (ValueError, RecursionError) as error:
        raise InvoiceUnreadable(f"{name}: {parser_problem(error)}") from error


def _parse_json(content: str) -> Any:
    return json.loads(content, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, in which each key is expected once, as TOML has it."""
    document = dict(pairs)
    if len(document) < len(pairs):
        (key, _), *_ = Counter(key for key, _ in pairs).most_common(1)
        raise Malformed(repr(key), "it is expected once in an object")
    return document


def _lines_of_table(
    data: bytes, name: str, currency: str, exponents: Mapping[str, int], rules: FileRules
) -> dict[str, list[dict[str, str]]]:
    """Return the rows of a table with plain amounts, without empty values."""
    reader = ValueReader(
        fields=_FIELDS,
        optional=frozenset({"game", "fee"}),
        amounts_in={"fee": currency},
        exponents=exponents,
        rules=rules,
    )
    problems, lines = ListedFindings(), []
    with TemporaryFile() as stream:
        stream.write(data)
        stream.seek(0)
        for row in reader.read(stream, name):
            if isinstance(row, ValueRow):
                lines.append({column: value for column, value in row.values.items() if value})
            else:
                problem = NewFinding(kind=row.kind, detail=row.reason, file=name, line=row.line)
                problems.add(problem)
    if problems.count:
        sentences = (f"{name}:{problem.line}: {problem.detail}" for problem in problems)
        raise InvoiceUnreadable("\n".join(sentences))
    return {"lines": lines}


def _invoice(table: Any, name: str, currency: str, exponents: Mapping[str, int]) -> Invoice:
    _check_keys(table, _TOP, "the invoice")
    code = _text(table, "currency", "the invoice") if "currency" in table else currency
    lines = table.get("lines")
    if not isinstance(lines, list) or not lines:
        raise Malformed("lines", "a list of at least one line is expected")
    places = [f"lines[{number}]" for number in range(1, len(lines) + 1)]
    claims = tuple(
        _claim(line, place, exponents) for line, place in zip(lines, places, strict=True)
    )
    _check_claimed_once(claims)
    digits = digits_of(code, outside_iso(exponents))
    return Invoice(
        name=_text(table, "invoice", "the invoice") if "invoice" in table else name,
        currency=code,
        claims=claims,
        fee=_fee(table, lines, digits),
    )


def _claim(line: Any, place: str, exponents: Mapping[str, int]) -> Claim:
    _check_keys(line, _LINE, place)
    currency = _text(line, "currency", place)
    if not is_currency(currency):
        raise Malformed(f"{place}.currency", "a currency code such as USD is expected")
    return Claim(
        game=_text(line, "game", place) if "game" in line else None,
        currency=currency,
        ggr=_amount(
            line, "ggr", place, digits_of(currency, exponents, path=f"{place}.currency")
        ),
    )


def _fee(table: Mapping[str, Any], lines: list[Any], digits: int) -> int:
    """Return the fee of the invoice, or the sum of its lines; they must agree."""
    fees = [
        _amount(line, "fee", f"lines[{number}]", digits)
        for number, line in enumerate(lines, start=1)
        if "fee" in line
    ]
    if "fee" not in table:
        if not fees:
            raise Malformed("fee", "a fee is expected, of the whole or of its lines")
        return sum(fees)
    fee = _amount(table, "fee", "the invoice", digits)
    if fees and sum(fees) != fee:
        raise Malformed("fee", "the fees of the lines do not add up to it")
    return fee


def _check_claimed_once(claims: tuple[Claim, ...]) -> None:
    for (game, currency), times in Counter((c.game, c.currency) for c in claims).items():
        if times > 1:
            raise Malformed("lines", f"{game or 'all games'} in {currency} are claimed twice")
    for currency in {claim.currency for claim in claims if claim.game is None}:
        if any(claim.game is not None and claim.currency == currency for claim in claims):
            raise Malformed("lines", f"{currency} is claimed by game and as a whole")


def _check_keys(table: Any, allowed: frozenset[str], place: str) -> None:
    if not isinstance(table, dict):
        raise Malformed(place, "a table is expected")
    for key in table:
        if key not in allowed:
            expected = ", ".join(sorted(allowed))
            raise Malformed(place, f"{key!r} is not known here; {expected} are")


def _text(table: Mapping[str, Any], key: str, place: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value:
        raise Malformed(f"{place}.{key}", "a text is expected")
    if not is_storable(value):
        raise Malformed(f"{place}.{key}", "text of Unicode without NUL is expected")
    return value


def _amount(table: Mapping[str, Any], key: str, place: str, digits: int) -> int:
    return minor_from_text(_text(table, key, place), digits, path=f"{place}.{key}")
