"""``make dialect NAME=…``: the files of a new dialect, registered, with tests that fail.

The generated dialect works: one URL, bets and wins as single transactions, a keyed hash of the
body in a header. Adapt it to the provider's document. Its tests fail until samples are added.
"""

import keyword
import re
import sys
from itertools import groupby
from pathlib import Path

from ops.tools.new_dialect_texts import FILES

_NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_REGISTERED = re.compile(r"^from providers\.(\w+) import DIALECT as \w+\n", re.MULTILINE)
_REGISTRY = Path("providers/registry.py")
_PROJECT = Path("pyproject.toml")

NEXT = """\
providers/{name}/ is registered, and its tests fail. Next:
  1. write options.py, verify.py, parse.py and respond.py after the provider's document
  2. put requests as the provider sends them into providers/{name}/samples/, and what they mean
     beside them; tests/harness/providers/samples.py writes both from one list
  3. add its signer to tests/harness/providers/signers.py, and a page docs/providers/{name}.md
  4. add its messages to simulator/conformance/messages.py"""


class Misnamed(Exception):
    """The dialect cannot be created; the message says why."""


def scaffold(root: Path, name: str) -> list[Path]:
    """Write a new dialect into a checkout and register it.

    Returns:
        The files written, relative to the root; all of them new.

    Raises:
        Misnamed: the name is none, or is taken, or this is no checkout.
    """
    if not (root / _REGISTRY).is_file():
        raise Misnamed("a checkout is expected: run this where the Makefile is")
    if _NAME.fullmatch(name) is None or keyword.iskeyword(name):
        raise Misnamed("a name of small letters, digits and single underscores is expected")
    written = [Path(path.format(name=name)) for path in FILES]
    if (root / "providers" / name).exists() or any((root / path).exists() for path in written):
        raise Misnamed(f"there is something called {name} already")
    for path, text in zip(written, FILES.values(), strict=True):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(_in_order(text.replace("NAME", name)), encoding="utf-8")
    _register(root / _REGISTRY, name)
    _divide(root / _PROJECT, name)
    return written


def _register(registry: Path, name: str) -> None:
    text = registry.read_text(encoding="utf-8")
    names = sorted({*_REGISTERED.findall(text), name})
    imports = [
        f"from providers.{dialect} import DIALECT as {dialect.upper()}\n" for dialect in names
    ]
    contract = "from providers.contract import Dialect\n"
    placed = _REGISTERED.sub("", text).replace(contract, "".join([*imports, contract]))
    listed = ", ".join(dialect.upper() for dialect in names)
    named = re.sub(r"for d in \([^)]*\)", f"for d in ({listed})", placed)
    registry.write_text(_in_order(named), encoding="utf-8")


def _in_order(text: str) -> str:
    """Sort each block of imports, because a dialect's name may come anywhere in it."""
    groups = groupby(text.splitlines(keepends=True), lambda line: line.startswith("from "))
    return "".join("".join(sorted(lines) if is_block else lines) for is_block, lines in groups)


def _divide(project: Path, name: str) -> None:
    """Add the dialect to the import contract that keeps dialects independent."""
    text = project.read_text(encoding="utf-8")
    match = re.search(r'type = "independence"\nmodules = \[(.*)\]', text)
    assert match is not None
    modules = sorted([*match[1].split(", "), f'"providers.{name}"'])
    start, end = match.span(1)
    project.write_text(text[:start] + ", ".join(modules) + text[end:], encoding="utf-8")


def main(words: list[str]) -> int:
    """The script: one name; exit code 2 when nothing was written."""
    name = words[0] if len(words) == 1 else ""
    try:
        written = scaffold(Path.cwd(), name)
    except Misnamed as misnamed:
        sys.stderr.write(f"{misnamed}\n")
        return 2
    sys.stdout.write("".join(f"{path}\n" for path in written) + NEXT.format(name=name) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
