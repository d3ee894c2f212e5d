"""Damage to one value of a file, which must be a finding of its line; others stay readable."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from tests.harness.files.amounts import amount_text, is_encodable, stated
from tests.harness.files.dates import Moment
from tests.harness.files.draft import Draft, Formula, Number, Value
from tests.harness.files.lines import BET, DIGITS, ROLLBACK

_NOON = datetime(2026, 2, 28, 12, 34, 56, tzinfo=UTC)
#: Instants at which clocks of Europe and of New York were set back.
_REPEATED = {
    "Europe/Warsaw": datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    "Europe/Berlin": datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
    "America/New_York": datetime(2026, 11, 1, 5, 30, tzinfo=UTC),
}
_HIDDEN = "\N{ZERO WIDTH SPACE}"


@dataclass(frozen=True, slots=True)
class Damage:
    """A way to damage a file.

    Attributes:
        fits: whether a file can be damaged in this way.
        apply: damages it, and says what must be read and reported.
    """

    name: str
    fits: Callable[[Draft], bool]
    apply: Callable[[Draft], None]


def _any_place(draft: Draft) -> int:
    return draft.rng.randrange(len(draft.lines))


def _has_text_ids(draft: Draft) -> bool:
    return draft.style.form != "parquet" or not draft.style.is_number


def _lost_digits(draft: Draft) -> None:
    style = draft.style
    value: Value = "1.23457E+18"
    if style.form == "xlsx" or (style.form in {"jsonl", "array"} and not style.is_number):
        value = Number("1234567890123456789")
    draft.breaks(
        _any_place(draft), "transaction_id", value, r"transaction_id.*(digits|text is)"
    )


def _has_text_dates(draft: Draft) -> bool:
    return not draft.style.dates.is_cell


def _impossible_date(draft: Draft) -> None:
    parts = draft.style.dates.write(_NOON)
    assert isinstance(parts[0], str)
    value = parts[0].replace("28", draft.rng.choice(("30", "31")), 1)
    draft.breaks(_any_place(draft), "created_at", value, "created_at.*instant that exists")


def _no_date(draft: Draft) -> None:
    value = draft.rng.choice(("yesterday", "04/06", "2026-06-0x 10:00:00", "46000.5"))
    draft.breaks(_any_place(draft), "created_at", value, r"created_at.*(instant|date)")


def _has_repeated_hour(draft: Draft) -> bool:
    zone = draft.style.dates.zone
    return zone is not None and zone.key in _REPEATED


def _repeated_hour(draft: Draft) -> None:
    dates, place = draft.style.dates, _any_place(draft)
    assert dates.zone is not None
    cells = dates.write(_REPEATED[dates.zone.key])
    for column, value in zip(draft.style.columns["created_at"], cells, strict=True):
        draft.rows[place][column] = value
    del draft.lines[place]
    draft.expects("unparsable_record", "created_at.*changed its clocks")


def _has_small_unit(draft: Draft) -> bool:
    return not draft.style.amounts.beside and any(DIGITS[x.currency] <= 2 for x in draft.lines)


def _unknown_currency(draft: Draft) -> None:
    place = next(n for n, line in enumerate(draft.lines) if DIGITS[line.currency] <= 2)
    if draft.style.currencies:
        draft.put(place, "currency", "CHF")
        del draft.lines[place]
        draft.expects("mixed_currencies", "currency.*as declared")
    else:
        word = draft.rng.choice(("ZZ", "usd", "E", "U$D", "dollars"))
        draft.breaks(place, "currency", word, "currency")


def _has_text_amounts(draft: Draft) -> bool:
    return not draft.style.amount_is_number


def _ambiguous_number(draft: Draft) -> None:
    other = "," if draft.style.amounts.decimal == "." else "."
    text = draft.rng.choice((f"1{other}50", f"12{other}5", f"1{other}2{other}3"))
    draft.breaks(_any_place(draft), "amount", text, "amount.*(decimal|thousands|whole number)")


def _too_precise(draft: Draft) -> None:
    text = "12.3456789012"
    value: Value = Number(text)
    if not draft.style.amount_is_number:
        value = text.replace(".", draft.style.amounts.decimal)
    if draft.style.form == "parquet" and draft.style.amount_is_number:
        value = Number("12.3456789")
    pattern = "amount.*(digits after|noise|smallest unit|decimal)"
    draft.breaks(_any_place(draft), "amount", value, pattern)


def _null_id(draft: Draft) -> None:
    name = draft.rng.choice(("transaction_id", "user_id"))
    word = draft.rng.choice(("nan", "None", "undefined", "<NA>"))
    draft.breaks(_any_place(draft), name, word, f"{name}.*null_text")


def _no_id(draft: Draft) -> None:
    name = draft.rng.choice(("transaction_id", "user_id"))
    draft.breaks(_any_place(draft), name, None, f"{name}.*found nothing")


def _has_bet(draft: Draft) -> bool:
    return any(line.action == BET for line in draft.lines)


def _has_rollback(draft: Draft) -> bool:
    return any(line.action == ROLLBACK for line in draft.lines)


def _first(draft: Draft, action: str) -> int:
    return next(place for place, line in enumerate(draft.lines) if line.action == action)


def _bet_undoes(draft: Draft) -> None:
    value: Value = Number("77") if draft.style.is_number else "t-0"
    pattern = "rollback_transaction_id.*nothing is expected"
    draft.breaks(_first(draft, BET), "rollback_transaction_id", value, pattern)


def _undoes_nothing(draft: Draft) -> None:
    place = _first(draft, ROLLBACK)
    draft.breaks(place, "rollback_transaction_id", None, "rollback_transaction_id")


def _unknown_action(draft: Draft) -> None:
    word = draft.rng.choice(("jackpot", "BONUS", "Bet!", "0"))
    draft.breaks(_any_place(draft), "action", word, "action.*one of.*is expected")


def _has_paid_bet(draft: Draft) -> bool:
    return any(line.action == BET and line.minor for line in draft.lines)


def _wrong_sign(draft: Draft) -> None:
    style = draft.style
    place = next(n for n, x in enumerate(draft.lines) if x.action == BET and x.minor)
    line = draft.lines[place]
    number = -stated(line, style.amounts)
    value: Value = Number(str(number))
    if not style.amount_is_number:
        value = amount_text(number, line.currency, style.amounts, encoding=style.codec)
    draft.breaks(place, "amount", value, "amount.*setting sign")


def _can_hide(draft: Draft) -> bool:
    return is_encodable(_HIDDEN, draft.style.codec) and not draft.style.is_number


def _hidden_character(draft: Draft) -> None:
    name = draft.rng.choice(("transaction_id", "user_id"))
    draft.breaks(_any_place(draft), name, f"ab{_HIDDEN}12", f"{name}.*invisible")


def _has_formulas(draft: Draft) -> bool:
    return draft.style.form == "xlsx" and draft.style.writer != "openpyxl"


def _formula(draft: Draft) -> None:
    name = draft.rng.choice(("amount", "transaction_id", "created_at"))
    draft.breaks(_any_place(draft), name, Formula("12"), f"{name}.*not a formula")


def _is_minor(draft: Draft) -> bool:
    return draft.style.amounts.unit == "minor"


def _fraction_of_smallest_unit(draft: Draft) -> None:
    value: Value = Number("10.5")
    if not draft.style.amount_is_number:
        value = f"10{draft.style.amounts.decimal}5"
    draft.breaks(_any_place(draft), "amount", value, "amount.*whole number")


def _number_for_date(draft: Draft) -> None:
    draft.breaks(_any_place(draft), "created_at", Number("46000.5"), "created_at.*not a number")


def _date_for_amount(draft: Draft) -> None:
    value = Moment(_NOON.replace(tzinfo=None))
    draft.breaks(_any_place(draft), "amount", value, "amount.*not a date")


def _changed_amount(draft: Draft) -> None:
    """Another amount, as it would be if a byte was changed; only the totals know."""
    style, place = draft.style, _any_place(draft)
    line = draft.lines[place]
    changed = replace(line, minor=line.minor + draft.rng.choice((1, 10, 100)))
    number = stated(changed, style.amounts, is_rollback_negative=_was_negative(draft, place))
    digits = 0 if style.amounts.unit == "minor" else DIGITS[line.currency]
    value: Value = Number(format(number, f".{digits}f"))
    if not style.amount_is_number:
        value = amount_text(number, line.currency, style.amounts, encoding=style.codec)
    draft.put(place, "amount", value)
    draft.lines[place] = changed
    draft.expects("truncated_file", "another total of amount")


def _was_negative(draft: Draft, place: int) -> bool:
    value = draft.rows[place][draft.column("amount")]
    text = value.text if isinstance(value, Number) else str(value)
    return any(mark in text for mark in "-(\u2212")


CELL_DAMAGES: tuple[Damage, ...] = (
    Damage("id of a lost number", _has_text_ids, _lost_digits),
    Damage("impossible date", _has_text_dates, _impossible_date),
    Damage("no date", lambda draft: draft.style.form != "parquet", _no_date),
    Damage("hour that occurs twice", _has_repeated_hour, _repeated_hour),
    Damage("unknown currency", _has_small_unit, _unknown_currency),
    Damage("ambiguous number", _has_text_amounts, _ambiguous_number),
    Damage("digits below the unit", lambda draft: True, _too_precise),
    Damage("null word for an id", lambda draft: not draft.style.is_number, _null_id),
    Damage("no id", lambda draft: True, _no_id),
    Damage("bet that undoes", _has_bet, _bet_undoes),
    Damage("rollback of nothing", _has_rollback, _undoes_nothing),
    Damage("unknown action", lambda draft: True, _unknown_action),
    Damage("wrong sign", _has_paid_bet, _wrong_sign),
    Damage("hidden character", _can_hide, _hidden_character),
    Damage("formula", _has_formulas, _formula),
    Damage("part of the smallest unit", _is_minor, _fraction_of_smallest_unit),
    Damage("number for a date", lambda draft: draft.style.form == "xlsx", _number_for_date),
    Damage("date for an amount", lambda draft: draft.style.form == "xlsx", _date_for_amount),
    Damage("changed amount", lambda draft: bool(draft.trailer), _changed_amount),
)
