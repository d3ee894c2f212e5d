"""Settings without secrets: secrets by reference, passwords struck out."""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from pydantic import BaseModel

from ops.settings.durations import duration_text
from ops.settings.model import Settings
from vocabulary.secrets import Secret

STRUCK = "***"

#: The settings that hold a URL with a password.
_URLS = (
    *(("database", "url"), ("database", "owner_url"), ("broker", "url")),
    ("receiver", "database_url"),
    *(("console", "read_url"), ("console", "write_url")),
)
#: A password may have / and #, which SQLAlchemy takes as they are.
_CREDENTIAL = re.compile(r"(://[^:/?#@]*:)[^?]*@")
_PARAMETER = re.compile(r"([?&][a-z_]*password=)[^&]*", re.IGNORECASE)


def without_secrets(settings: Settings) -> dict[str, Any]:
    """The settings as plain JSON values, in the words of the settings file."""
    document: dict[str, Any] = _plain(settings)
    for section, key in _URLS:
        document[section][key] = without_password(document[section][key])
    return document


def leaves(
    document: object, name: str = "", path: tuple[str | int, ...] = ()
) -> Iterator[tuple[str, tuple[str | int, ...], object]]:
    """Each single value of a document of settings: its name, its path, and itself.

    Names have providers by slug and other entries of lists by number; paths have numbers only.
    """
    if isinstance(document, dict):
        for key, inner in document.items():
            yield from leaves(inner, f"{name}.{key}" if name else key, (*path, key))
    elif isinstance(document, list) and document and isinstance(document[0], dict):
        for number, inner in enumerate(document):
            part = f".{inner['slug']}" if "slug" in inner else f"[{number}]"
            yield from leaves(inner, name + part, (*path, number))
    else:
        yield name, path, document


def without_password(url: str) -> str:
    """The URL with its password struck out, also a password given as a parameter."""
    return _PARAMETER.sub(rf"\1{STRUCK}", _CREDENTIAL.sub(rf"\1{STRUCK}@", url))


def _plain(value: object) -> Any:
    match value:
        case BaseModel():
            return {name: _plain(getattr(value, name)) for name in type(value).model_fields}
        case Secret():
            return value.reference
        case timedelta():
            return duration_text(value)
        case IPv4Network() | IPv6Network():
            return str(value)
        case Mapping():
            return {str(key): _plain(inner) for key, inner in value.items()}
        case tuple():
            return [_plain(inner) for inner in value]
        case _:
            return value
