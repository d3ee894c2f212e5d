"""The kinds of values that settings hold: durations, networks, currencies, secrets."""

import os
from collections.abc import Iterator, Mapping
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
)

from ops.settings.durations import parse_duration
from ops.settings.secrets import SecretUnset, resolve
from vocabulary.currencies import ISO_4217, Exponents, advised_line, is_currency, is_known
from vocabulary.money import EXPONENT_MAX
from vocabulary.networks import Network
from vocabulary.secrets import Secret

#: What is expected of the only texts that have a pattern.
NAME_EXPECTED = "a letter, then letters, digits, - or _, lower case, 40 at most"


class WrongParts(ValueError):
    """Several parts of one value are wrong.

    Attributes:
        parts: the key of each wrong part and what is expected there.
    """

    def __init__(self, parts: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(key for key, _ in parts))
        self.parts = parts


def _longer_than_nothing(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("a duration longer than nothing")
    return value


def _whole(value: object) -> object:
    if isinstance(value, bool | float):
        raise ValueError("a whole number")  # noqa: TRY004 - pydantic reports ValueErrors
    return value


def _network(value: object) -> object:
    if isinstance(value, Network):
        return value
    try:
        return ip_network(value if isinstance(value, str) else "")
    except ValueError as error:
        raise ValueError(
            "a network such as 203.0.113.0/24, with no bits set after it"
        ) from error


def _code(code: str) -> str:
    if not is_currency(code):
        raise ValueError("a currency code such as USD")
    return code


def _currency(code: str, info: ValidationInfo) -> str:
    if not is_known(_code(code), named_exponents(info)):
        raise ValueError(unknown_currency(code))
    return code


def unknown_currency(code: str) -> str:
    """What is expected instead of a code that nobody knows."""
    return (
        f"a currency of ISO 4217, or one whose digits after the point a provider names;"
        f" {code} is neither: {advised_line([code])}"
    )


def _of_the_standard(exponents: Mapping[str, int]) -> Mapping[str, int]:
    """One wallet holds what all providers send, so a known currency has one unit."""
    if wrong := [
        (code, _unit_of_wallets(code))
        for code, digits in exponents.items()
        if ISO_4217.get(code, digits) != digits
    ]:
        raise WrongParts(wrong)
    return exponents


def _unit_of_wallets(code: str) -> str:
    """What is expected instead of other digits of a currency than those of the standard."""
    return (
        f"{ISO_4217[code]}, as in ISO 4217: the wallets of all providers hold {code} in that"
        " unit. Remove it; the unit that a provider sends is set in its options, that of its"
        " files in statement.unit"
    )


def named_exponents(info: ValidationInfo) -> Exponents:
    """The digits that the settings name: those of all providers, and of the one being read."""
    context: Mapping[str, Any] = info.context or {}
    read: Mapping[str, Any] = info.data or {}  # none where a single value is checked
    return {**context.get("exponents", {}), **read.get("exponents", {})}


def checked_zone(name: str) -> str:
    """The name of a time zone, if there is one of that name."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError("a time zone such as UTC or Europe/Warsaw") from error
    return name


def _secret(value: object, info: ValidationInfo) -> object:
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str):
        raise ValueError("a reference of the form env:NAME or file:PATH")  # noqa: TRY004
    context: Mapping[str, Any] = info.context or {}
    return resolve(
        value,
        environ=context.get("environ", os.environ),
        folder=context.get("folder", Path()),
        literal=context.get("mode", "test") in {"demo", "test"},
    )


def _late_secret(value: object, info: ValidationInfo) -> object:
    try:
        return _secret(value, info)
    except SecretUnset as error:
        return Secret(reference=str(value), value=b"", missing=str(error))


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
Timeout = Annotated[Duration, AfterValidator(_longer_than_nothing)]
Whole = Annotated[int, BeforeValidator(_whole)]
Count = Annotated[Whole, Field(ge=1, le=1_000_000)]
Processes = Annotated[Whole, Field(ge=1, le=256)]
Port = Annotated[Whole, Field(ge=0, le=65_535)]
#: A code whose digits are known, and any code at all.
CurrencyCode = Annotated[str, AfterValidator(_currency)]
CurrencyText = Annotated[str, AfterValidator(_code)]
Exponent = Annotated[Whole, Field(ge=0, le=EXPONENT_MAX)]
#: The digits of currencies that ISO 4217 does not know.
NamedDigits = Annotated[Mapping[CurrencyText, Exponent], AfterValidator(_of_the_standard)]
Attempts = Annotated[Whole, Field(ge=1, le=10)]
Agent = Annotated[Whole, Field(ge=1)]
Cidr = Annotated[Network, BeforeValidator(_network)]
SecretRef = Annotated[Secret, BeforeValidator(_secret)]
#: A secret that stops only what uses it if there is none; see ``Secret.missing``.
LateSecretRef = Annotated[Secret, BeforeValidator(_late_secret)]


class Section(BaseModel):
    """A table of the settings file: frozen, and a key it does not know is a problem."""

    model_config = ConfigDict(
        defer_build=True,  # the settings as a whole build all of them, once
        frozen=True,
        extra="forbid",
        arbitrary_types_allowed=True,
    )


def unset_secrets_of(section: Section | None, place: str) -> Iterator[str]:
    """Each secret of a section that is not there, as a problem of settings."""
    for key, value in section or ():
        if isinstance(value, Secret) and value.missing:
            yield f"{place}.{key}: expected {value.missing}"
