"""The values that models are made of: money, instants, texts that people type."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

from vocabulary.clock import iso
from vocabulary.currencies import digits_of
from vocabulary.errors import Malformed
from vocabulary.money import EXPONENT_MAX, SUM_MAX, minor_from_text
from vocabulary.window import Window

#: Longest comment or reason, in characters.
TEXT_CHARS_MAX = 4_000
#: Longest value of a filter, in characters.
FILTER_CHARS_MAX = 200
#: At least one character that is no blank, and none that PostgreSQL cannot store.
_NOT_BLANK = r"^[^\x00]*[^\x00-\x20\x7f\x85\xa0\s][^\x00]*$"


class ApiModel(BaseModel):
    """An object of the API: it has the fields that it names and no other."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, serialize_by_alias=True)


#: An instant in UTC, RFC 3339.
Instant = Annotated[
    datetime,
    PlainSerializer(iso, return_type=str),
    WithJsonSchema(
        {"type": "string", "format": "date-time", "examples": ["2026-06-04T10:15:00Z"]}
    ),
]
#: A business day.
Day = Annotated[
    str,
    StringConstraints(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"),
    Field(json_schema_extra={"format": "date", "examples": ["2026-06-04"]}),
]
#: A text that a person types: not empty, not only blanks.
Text = Annotated[
    str,
    StringConstraints(min_length=1, max_length=TEXT_CHARS_MAX, pattern=_NOT_BLANK),
]
#: A text that may be left out.
OptionalText = Annotated[
    str, StringConstraints(max_length=TEXT_CHARS_MAX, pattern=r"^[^\x00]*$")
]
#: The value of a filter.
FilterText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=FILTER_CHARS_MAX, pattern=_NOT_BLANK),
]


class MoneyJson(ApiModel):
    """An amount: ``minor`` divided by ten to the power of ``exponent``; never a float."""

    minor: int = Field(description="Signed, in minor units of the currency.")
    currency: str
    exponent: int = Field(ge=0, le=EXPONENT_MAX, description="Digits after the point.")


class WindowJson(ApiModel):
    """From ``from`` (included) to ``to`` (excluded)."""

    start: Instant = Field(serialization_alias="from")
    to: Instant


def attributes(thing: object, names: str) -> dict[str, Any]:
    """The attributes of a thing with these names, which blanks separate."""
    return {name: getattr(thing, name) for name in names.split()}


def money(minor: int, currency: str, exponents: Mapping[str, int]) -> MoneyJson:
    """An amount of a provider, which may have its own decimal places."""
    exponent = digits_of(currency, exponents)
    return MoneyJson(minor=minor, currency=currency, exponent=exponent)


def money_of_text(
    text: object, currency: str, exponents: Mapping[str, int]
) -> MoneyJson | None:
    """An amount or a sum that is stored as decimal text; None: there is none."""
    try:
        minor = minor_from_text(str(text), digits_of(currency, exponents), limit=SUM_MAX)
    except Malformed:
        return None
    return money(minor, currency, exponents)


def window_json(window: Window) -> WindowJson:
    """A window of time."""
    return WindowJson(start=window.start, to=window.end)
