"""Templates, and how values look in them. Everything that is not ours is escaped.

The macros of a template and its context refer to each other. Left alone, all that a page showed
would stay until the garbage collector runs, which counts objects, not their size.
"""

import threading
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.runtime import Context

from console.addresses import address
from reports.grid import readable
from vocabulary.currencies import digits_of
from vocabulary.plurals import plural

TEMPLATES = Path(__file__).parent / "templates"
STATIC = Path(__file__).parent / "static"
MINUS = "\N{MINUS SIGN}"
#: Longest id that is shown whole, in characters; longer ones lose their middle.
_ID_CHARS_MAX = 22
_BYTE_UNITS = {"TiB": 1 << 40, "GiB": 1 << 30, "MiB": 1 << 20, "KiB": 1 << 10}


class _Rendering(threading.local):
    """The contexts that the rendering of this thread has made, of the page and its imports."""

    def __init__(self) -> None:
        self.contexts: list[Context] = []


_rendering = _Rendering()


class _PageContext(Context):
    """A context that the rendering knows."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        _rendering.contexts.append(self)


class _PageEnvironment(Environment):
    context_class: type[Context] = _PageContext


@cache
def environment() -> Environment:
    """The templates with their filters."""
    jinja = _PageEnvironment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.filters |= {
        "age": age_text,
        "bytes": bytes_text,
        "count": count_text,
        "day": day_text,
        "money": money_text,
        "readable": readable,
        "parts": id_parts,
        "plural": plural,
        "short": short_text,
        "signed": signed_text,
        "utc": utc_text,
        "printable": printable_text,
        "minus": minus_text,
        "segment": path_segment,
    }
    jinja.globals["address"] = address
    jinja.globals["asset"] = asset_url
    jinja.globals["local_time"] = local_text
    return jinja


def render(template: str, values: Mapping[str, Any]) -> str:
    """A template as HTML; nothing refers to the values any more."""
    _rendering.contexts = []
    try:
        return environment().get_template(template).render(**values)
    finally:
        for context in _rendering.contexts:
            context.vars.clear()  # its macros, which refer to it
        _rendering.contexts = []


@cache
def asset_url(name: str) -> str:
    """The path of a static file; it changes with the file, so that browsers may keep it."""
    digest = sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


def money_text(minor: int, currency: str, exponents: Mapping[str, int]) -> str:
    """An amount without its currency, with grouped digits and a real minus sign."""
    digits = digits_of(currency, exponents)
    whole, fraction = divmod(abs(minor), 10**digits)
    text = f"{whole:,}.{fraction:0{digits}}" if digits else f"{whole:,}"
    text = text.replace(",", "\N{NARROW NO-BREAK SPACE}")
    return f"{MINUS}{text}" if minor < 0 else text


def count_text(count: int) -> str:
    """A count with grouped digits."""
    return f"{count:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def bytes_text(size: int) -> str:
    """A number of bytes, or its growth, in the largest unit that leaves a whole number."""
    for unit, length in _BYTE_UNITS.items():
        if abs(size) >= length:
            text = f"{size / length:.1f}".removesuffix(".0")
            return f"{minus_text(text)} {unit}"
    return f"{minus_text(str(size))} {'byte' if abs(size) == 1 else 'bytes'}"


def signed_text(minor: int, currency: str, exponents: Mapping[str, int]) -> str:
    """An amount that has a plus sign if it is positive."""
    return ("+" if minor > 0 else "") + money_text(minor, currency, exponents)


def minus_text(amount: str) -> str:
    """An amount that is text already, with a real minus sign."""
    return amount.replace("-", MINUS)


def path_segment(text: str) -> str:
    """A text as one part of a path, whatever is in it."""
    return quote(str(text), safe="")


def age_text(age: timedelta) -> str:
    """An age in its largest unit, rounded down."""
    seconds = int(age.total_seconds())
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{max(seconds, 0)} s"


def day_text(day: date) -> str:
    """A business day with its weekday."""
    return f"{day:%A} {day.day} {day:%B %Y}"


def utc_text(instant: datetime) -> str:
    """An instant in UTC, to the millisecond."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S}.{instant.microsecond // 1000:03} UTC"


def local_text(instant: datetime, zone: str) -> str:
    """An instant to the second in a provider's zone, or in UTC beside its calendar."""
    try:
        return f"{instant.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}"
    except OverflowError:  # a provider's clock may state 0001-01-01 with a callback
        return utc_text(instant)


def short_text(text: str) -> str:
    """An id that loses its middle if it is long."""
    if len(text) <= _ID_CHARS_MAX:
        return text
    half = _ID_CHARS_MAX // 2 - 1
    return f"{text[:half]}…{text[-half:]}"


def id_parts(text: str) -> tuple[str, str, str]:
    """The start, the middle and the end of an id; the middle is shown as an ellipsis.

    The middle stays in the page, so that a copied id is whole. It is empty in a short id.
    """
    if len(text) <= _ID_CHARS_MAX:
        return text, "", ""
    half = _ID_CHARS_MAX // 2 - 1
    return text[:half], text[half:-half], text[-half:]


def printable_text(content: bytes) -> str:
    """Bytes as text, with escapes for what is not printable UTF-8."""
    text = content.decode("utf-8", "backslashreplace")
    return "".join(
        char if char.isprintable() or char in "\n\t" else repr(char)[1:-1] for char in text
    )
