"""Options that every dialect has, and typed reading of a provider's options.

Settings were checked before, so a miss is a bug.
"""

from collections.abc import Mapping

from providers.contract import Option, OptionValue, Provider


def any_value(default: OptionValue, meaning: str) -> Option:
    """An option that takes any value of its default's type."""
    return Option(default=default, choices=None, assumed=True, meaning=meaning)


def one_of(*choices: OptionValue, meaning: str, default: OptionValue | None = None) -> Option:
    """An option that takes one of these values; the first is the default if none is named."""
    value = choices[0] if default is None else default
    return Option(default=value, choices=choices, assumed=True, meaning=meaning)


def flag(*, default: bool, meaning: str) -> Option:
    """An option that is on or off."""
    return one_of(*(False, True), default=default, meaning=meaning)


#: What every dialect does with a signed document that is not quite as documented.
TOLERANCE: Mapping[str, Option] = {
    "unknown_fields": one_of(
        "accept",
        "refuse",
        meaning="what signed fields that the document does not name do to a callback",
    ),
    "float_noise": one_of(
        "refuse",
        "round",
        meaning="what is done with a JSON number like 0.30000000000000004 as an amount",
    ),
}


def any_secret(_secret: bytes) -> str:
    """Of a dialect that shares a secret: any bytes can verify."""
    return ""


def accepts_unknown_fields(provider: Provider) -> bool:
    """Whether fields that the document does not name are accepted and kept."""
    return text_of(provider, "unknown_fields") == "accept"


def rounds_float_noise(provider: Provider) -> bool:
    """Whether digits that only a binary float can have left are rounded away."""
    return text_of(provider, "float_noise") == "round"


def text_of(provider: Provider, name: str) -> str:
    """The value of a text option."""
    value = provider.options[name]
    assert isinstance(value, str), name
    return value


def number_of(provider: Provider, name: str) -> int:
    """The value of a whole-number option."""
    value = provider.options[name]
    assert isinstance(value, int), name
    return value


def flag_of(provider: Provider, name: str) -> bool:
    """The value of a yes-or-no option."""
    value = provider.options[name]
    assert isinstance(value, bool), name
    return value


def texts_of(provider: Provider, name: str) -> tuple[str, ...]:
    """The value of an option that lists texts."""
    value = provider.options[name]
    assert isinstance(value, tuple), name
    return value
