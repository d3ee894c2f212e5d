"""Which texts can be stored, and what is wrong with those that parsers refuse. Pure."""

import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any

#: NUL, and halves of pairs that are no character.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can hold a text: it is Unicode, and without NUL."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def has_unstorable_text(document: Any) -> bool:
    """Whether a JSON document holds a text that PostgreSQL cannot hold."""
    return bool(storable_document(document) != document)


def storable_document(document: Any) -> Any:
    """A JSON document with a mark in place of each character that PostgreSQL cannot hold."""
    match document:
        case str():
            return document if is_storable(document) else _UNSTORABLE.sub("\ufffd", document)
        case Mapping():
            return {
                storable_document(name): storable_document(value)
                for name, value in document.items()
            }
        case list() | tuple():
            return type(document)(storable_document(value) for value in document)
        case _:
            return document


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
