"""``make dialect NAME=…``: a new dialect, its simulated system, and their tests.

The files of ``ops/tools/dialect`` are copied with the name filled in. They are a small protocol
that works at once: callbacks, conformance, simulation, and an API to launch, ask and pull. It
is there to be changed into what the provider's document says; nothing else has to be edited,
because dialects, systems and voices are found by their folders.
"""

import keyword
import re
import subprocess
import sys
from pathlib import Path

TEMPLATES = Path(__file__).parent / "dialect"
SUFFIX = ".tmpl"

_NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_REGISTRY = Path("providers/registry.py")

NEXT = """\
{name} can be configured, simulated and examined at once:
  tieout simulate                     plays it, where a provider has the dialect {name}
  tieout provider conformance SLUG    examines a receiver
Now change it into what the provider's document says, file by file:
  1. providers/{name}/                parse.py, verify.py, respond.py, options.py, feed.py
  2. providers/{name}/                client.py, launch.py, inquiry.py, pull.py; drop what
                                      the document does not offer from api.py
  3. simulator/systems/{name}/        the provider's side, written from the document alone
  4. tests/harness/dialects/{name}.py its voice; then write the samples anew with
                                      python -m tests.harness.providers.samples
  5. docs/providers/{name}.md         its page, which tests compare with the code
"""


class NameRefused(Exception):
    """No dialect can be made of this name; the message says why."""


def new_dialect(root: Path, name: str) -> list[Path]:
    """Write a new dialect into a checkout.

    Returns:
        The files written, relative to the root; all of them new.

    Raises:
        NameRefused: it is no name, it is taken, or this is no checkout.
    """
    if not (root / _REGISTRY).is_file():
        raise NameRefused("a checkout is expected: run this where the Makefile is")
    if _NAME.fullmatch(name) is None or keyword.iskeyword(name):
        raise NameRefused("a name of small letters, digits and single underscores is expected")
    files = {_path(template, name): template for template in sorted(_templates())}
    if any((root / path).exists() for path in (Path("providers") / name, *files)):
        raise NameRefused(f"there is something called {name} already")
    for path, template in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(_filled(template.read_text("utf-8"), name), encoding="utf-8")
    _format(root, [path for path in files if path.suffix == ".py"])
    return list(files)


def _templates() -> list[Path]:
    return [path for path in TEMPLATES.rglob(f"*{SUFFIX}") if path.is_file()]


def _path(template: Path, name: str) -> Path:
    path = str(template.relative_to(TEMPLATES)).removesuffix(SUFFIX)
    return Path(path.replace("NAME", name))


def _filled(text: str, name: str) -> str:
    title = "".join(part.title() for part in name.split("_"))
    return text.replace("{{name}}", name).replace("{{Name}}", title)


def _format(root: Path, files: list[Path]) -> None:
    """Sort imports and wrap lines, which both depend on the name."""
    for words in (("check", "--fix", "--select", "I"), ("format",)):
        subprocess.run(  # noqa: S603 - our own tool
            [sys.executable, "-m", "ruff", *words, "--quiet", *map(str, files)],
            cwd=root,
            check=True,
        )


def main(words: list[str]) -> int:
    """Run as a script: one name; exit code 2 when nothing was written."""
    name = words[0] if len(words) == 1 else ""
    try:
        written = new_dialect(Path.cwd(), name)
    except NameRefused as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 2
    sys.stdout.write("".join(f"{path}\n" for path in written) + NEXT.format(name=name))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
