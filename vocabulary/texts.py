"""Which texts can be stored, and what is wrong with those that parsers refuse. Pure."""

import json
import tomllib


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can hold a text: it is Unicode, and without NUL."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def parser_problem(error: ValueError | RecursionError) -> str:
    """What a person mends in a text that is neither TOML nor JSON.

    Parsers name what breaks their grammar; what only breaks Python's limits they do not.
    """
    match error:
        case json.JSONDecodeError() | tomllib.TOMLDecodeError():
            return str(error)
        case RecursionError():
            return "brackets nested less deeply are expected"
        case _:
            return "numbers of fewer digits are expected"
