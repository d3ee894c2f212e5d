"""Typed reading of a provider's options. Settings were checked before, so a miss is a bug."""

from providers.contract import Provider


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
