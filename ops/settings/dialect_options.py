"""The options of dialects, as settings give them."""

from providers.contract import Option, OptionValue


def expected_option(option: Option | None, value: object) -> str | None:
    """What the option should have been, or None when the value holds."""
    if option is None:
        return "an option of this dialect"
    if option.choices is not None:
        alike = [choice for choice in option.choices if type(choice) is type(value)]
        return None if value in alike else f"one of {_listed(option.choices)}"
    if type(value) is not type(option.default):
        return f"a value like {option.default!r}"
    return None


def _listed(choices: tuple[OptionValue, ...]) -> str:
    return ", ".join(str(choice) for choice in choices)
