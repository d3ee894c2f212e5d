"""Load settings from a file and the environment, and report every problem at once.

A problem names its source (the file or the environment variable), the key and what is expected
there. It never repeats the value found: that may be a secret.
"""

import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any, get_origin

from pydantic import BaseModel, ValidationError

from ops.settings.model import ProviderSettings, Settings
from ops.settings.sections.api import ApiSettings
from ops.settings.values import NAME_EXPECTED, WrongParts
from vocabulary.currencies import is_currency, joined_exponents
from vocabulary.errors import SettingsInvalid
from vocabulary.texts import parser_problem

PREFIX = "TIEOUT_"
#: Variables with the prefix that are global options, not settings.
OPTION_VARIABLES = frozenset(
    {"TIEOUT_CONFIG", "TIEOUT_DATA", "TIEOUT_PULSE", "TIEOUT_TEST_SIGNALS", "TIEOUT_TOKEN"}
)
DEFAULT_FILE = Path("tieout.toml")

#: The path of a value in the document, e.g. ``("providers", 0, "slug")``.
SettingPath = tuple[str | int, ...]
SettingsDocument = dict[str, Any]

_EXPECTED = {
    "missing": "a value, it is required",
    "model_type": "a table",
    "dict_type": "a table",
    "tuple_type": "a list",
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "string_pattern_mismatch": NAME_EXPECTED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """The merged document and the source of each value."""

    document: SettingsDocument
    file: str
    variables: dict[SettingPath, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def report(self, place: SettingPath, problem: str) -> None:
        key = ".".join(_readable(place, self.document))
        self.problems.append(f"{self._origin(place)}: {key}: {problem}")

    def _origin(self, place: SettingPath) -> str:
        for length in range(len(place), 0, -1):
            if place[:length] in self.variables:
                return f"environment variable {self.variables[place[:length]]}"
        return self.file


def load(config: Path | None, environ: Mapping[str, str]) -> Settings:
    """Read the settings.

    Args:
        config: the file named on the command line; else TIEOUT_CONFIG, else ./tieout.toml where
            there is one, else the built-in defaults.
        environ: the environment; ``TIEOUT_<SECTION>__<KEY>`` overrides the file.

    Raises:
        SettingsInvalid: with every problem.
    """
    path = _chosen(config, environ)
    source = _Source(
        document=_read(path) if path else {}, file=str(path or "built-in defaults")
    )
    _override(source, environ)
    settings = _validate(source, environ, folder=path.parent if path else Path())
    if settings is None or source.problems:
        raise SettingsInvalid(source.problems)
    return settings


def origins(config: Path | None, environ: Mapping[str, str]) -> Callable[[SettingPath], str]:
    """Where each setting comes from: its variable, the file, or that it is a default.

    Args:
        config: as in ``load``, which found no problem with both.
        environ: as in ``load``.

    Raises:
        SettingsInvalid: the file cannot be read any more.
    """
    path = _chosen(config, environ)
    document = _read(path) if path else {}
    source = _Source(document=document, file=str(path))
    in_file = partial(_has, deepcopy(document))
    _override(source, environ)

    def origin(place: SettingPath) -> str:
        for length in range(len(place), 0, -1):
            if (variable := source.variables.get(place[:length])) is not None:
                return variable
        return source.file if in_file(place) else "default"

    return origin


def _has(document: object, place: SettingPath) -> bool:
    """Whether a document has a value at a path."""
    inner: Any = document
    for part in place:
        try:
            inner = inner[part]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def _chosen(config: Path | None, environ: Mapping[str, str]) -> Path | None:
    if config is not None:
        return config
    if environ.get("TIEOUT_CONFIG"):
        return Path(environ["TIEOUT_CONFIG"])
    return DEFAULT_FILE if DEFAULT_FILE.exists() else None


def _read(path: Path) -> SettingsDocument:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SettingsInvalid(
            [f"{path}: expected a readable file: {error.strerror}"]
        ) from error
    except UnicodeDecodeError as error:
        raise SettingsInvalid([f"{path}: expected UTF-8 text"]) from error
    except (ValueError, RecursionError) as error:
        problem = f"{path}: expected valid TOML: {parser_problem(error)}"
        raise SettingsInvalid([problem]) from error


def _override(source: _Source, environ: Mapping[str, str]) -> None:
    """Apply the environment over the file."""
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in OPTION_VARIABLES:
            parts = name.removeprefix(PREFIX).lower().split("__")
            if problem := _set_variable(source, name, parts, environ[name]):
                source.problems.append(f"environment variable {name}: {problem}")


def _set_variable(source: _Source, name: str, parts: list[str], text: str) -> str | None:
    """Put one variable into the document; returns the problem with its name, or None."""
    if parts[0] == "providers" and len(parts) == 3:
        place = _provider_place(source.document, parts[1], parts[2])
        if place is None:
            return f"expected the slug of a configured provider, {parts[1]} is none"
    else:
        place = tuple(parts)
    is_list = _field_at(place)
    if is_list is None:
        return f"unknown setting{_hint(name, _variables())}"
    value = [part.strip() for part in text.split(",") if part.strip()] if is_list else text
    target: Any = source.document
    for part in place[:-1]:
        target = target.setdefault(part, {}) if isinstance(target, dict) else target[part]
    if isinstance(target, dict):
        target[place[-1]] = value
        source.variables[place] = name
    return None


def _provider_place(document: SettingsDocument, slug: str, key: str) -> SettingPath | None:
    for index, provider in _providers(document):
        if str(provider.get("slug", "")).replace("-", "_") == slug.replace("-", "_"):
            return ("providers", index, key)
    return None


def _field_at(place: SettingPath) -> bool | None:
    """Whether the setting is a list; None if there is no such setting."""
    if len(place) == 1:
        return False if place == ("mode",) else None
    model = _model_at(place[:-1])
    field_ = model.model_fields.get(str(place[-1])) if model else None
    return None if field_ is None else get_origin(field_.annotation) is tuple


def _model_at(place: SettingPath) -> type[BaseModel] | None:
    match place:
        case ():
            return Settings
        case ("providers", int()):
            return ProviderSettings
        case ("providers", int(), "api"):
            return ApiSettings
        case (str() as section,) if section in Settings.model_fields:
            kind = Settings.model_fields[section].annotation
            return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
    return None


def _variables() -> list[str]:
    sections = [section for section in Settings.model_fields if _model_at((section,))]
    return [f"{PREFIX}MODE"] + [
        f"{PREFIX}{section}__{key}".upper()
        for section in sections
        for key in (_model_at((section,)) or Settings).model_fields
    ]


def _validate(source: _Source, environ: Mapping[str, str], *, folder: Path) -> Settings | None:
    mode = str(source.document.get("mode", "production"))
    context = {
        "environ": environ,
        "folder": folder,
        "mode": mode,
        "exponents": _named_exponents(source.document),
    }
    _refuse_duplicate_slugs(source)
    try:
        return Settings.model_validate(source.document, context=context)
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False):
            _report(source, problem["loc"], problem)
    return None


def _named_exponents(document: SettingsDocument) -> dict[str, int]:
    """The digits of currencies that providers name; what is none is a problem of its own."""
    named = [provider.get("exponents") for _, provider in _providers(document)]
    return joined_exponents(
        {
            code: digits
            for code, digits in exponents.items()
            if is_currency(code) and type(digits) is int
        }
        for exponents in named
        if isinstance(exponents, dict)
    )


def _report(source: _Source, place: SettingPath, problem: Mapping[str, Any]) -> None:
    cause = problem.get("ctx", {}).get("error")
    if isinstance(cause, WrongParts):
        for key, expected in cause.parts:
            source.report((*place, key), f"expected {expected}")
    elif problem["type"] == "extra_forbidden":
        model = _model_at(place[:-1])
        hint = _hint(str(place[-1]), list(model.model_fields) if model else [])
        source.report(place, f"unknown key{hint}")
    else:
        source.report(place, f"expected {_expected(problem, cause)}")


def _expected(problem: Mapping[str, Any], cause: object) -> str:
    if isinstance(cause, ValueError):
        return str(cause)
    message = str(problem["msg"]).removeprefix("Input should be ")
    bound = problem["type"].startswith(("less_than", "greater_than"))
    return _EXPECTED.get(problem["type"]) or (f"a number {message}" if bound else message)


def _refuse_duplicate_slugs(source: _Source) -> None:
    counts: Counter[str] = Counter()
    for index, provider in _providers(source.document):
        slug = provider.get("slug")
        if isinstance(slug, str):
            counts[slug] += 1
            if counts[slug] == 2:
                source.report(("providers", index, "slug"), "expected a slug used only once")


def _providers(document: SettingsDocument) -> Iterator[tuple[int, Mapping[str, Any]]]:
    listed = document.get("providers")
    for index, provider in enumerate(listed if isinstance(listed, list) else []):
        if isinstance(provider, dict):
            yield index, provider


def _readable(place: SettingPath, document: SettingsDocument) -> list[str]:
    """The key as an operator would name it: providers by slug, other list items by number."""
    words: list[str] = []
    slugs = {index: provider.get("slug") for index, provider in _providers(document)}
    for depth, part in enumerate(place):
        if part == "[key]":  # pydantic's marker for the key itself
            continue
        if isinstance(part, str):
            words.append(part)
        elif depth == 1 and place[0] == "providers" and isinstance(slugs.get(part), str):
            words.append(str(slugs[part]))
        else:
            words[-1] += f"[{part}]"
    return words


def _hint(word: str, keys: list[str]) -> str:
    close = get_close_matches(word, keys, n=1)
    return f", did you mean {close[0]}?" if close else ""
