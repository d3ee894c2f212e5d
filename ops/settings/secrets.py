"""Secrets by reference: the settings say where a secret is kept; its value is never shown."""

from collections.abc import Mapping
from pathlib import Path

from vocabulary.secrets import Secret


class SecretUnset(ValueError):
    """The reference is well formed, and there is no value where it leads."""


def resolve(text: str, *, environ: Mapping[str, str], folder: Path, literal: bool) -> Secret:
    """Follow one reference.

    Args:
        text: the reference as written in the settings.
        environ: where ``env:`` looks.
        folder: what a relative ``file:`` path is relative to.
        literal: whether ``literal:`` is allowed.

    Raises:
        SecretUnset: there is no value.
        ValueError: the reference is none; both say what is expected, never what was found.
    """
    kind, _, rest = text.partition(":")
    if kind == "env" and rest:
        return _filled(f"env:{rest}", _from_environment(rest, environ))
    if kind == "file" and rest:
        return _filled(f"file:{rest}", _from_file(rest, folder))
    if kind == "literal" and not literal:
        raise ValueError("env:NAME or file:PATH; literal: is only for mode demo or test")
    if kind == "literal":
        return _filled("literal:", rest.encode())
    raise ValueError("a reference of the form env:NAME or file:PATH")


def _from_environment(name: str, environ: Mapping[str, str]) -> bytes:
    if name not in environ:
        raise SecretUnset(f"the environment variable {name} to be set")
    return environ[name].encode("utf-8", "surrogateescape")


def _from_file(path: str, folder: Path) -> bytes:
    try:
        return (folder / path).read_bytes().removesuffix(b"\n").removesuffix(b"\r")
    except OSError as error:
        raise SecretUnset(f"the file {path} to be readable ({error.strerror})") from error


def _filled(reference: str, value: bytes) -> Secret:
    if not value.strip():
        raise SecretUnset(f"a secret that is not empty in {reference}")
    return Secret(reference=reference, value=value)
