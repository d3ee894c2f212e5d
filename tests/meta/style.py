"""Figures of style: pure functions from sources to numbers. Nothing here fails a build.

Numbers follow from good names; they do not make them. ``make style-report`` prints them.
"""

import ast
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tests.meta.tidy import function_lines, functions

#: Names that say nothing about what they hold.
FILLERS = frozenset(
    """
    asked at by came each found given goes gone heard held holding kept known laid left made
    mine one others said say says seen some taken tell tells their them then thing told what
    went which who whom yours
    """.split()
)
SUBJECT_CHARS_MAX = 72


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """A parameter or a name that is assigned to, and where."""

    line: int
    name: str


def bindings(source: str) -> list[Binding]:
    """Every parameter and every name that a module binds by assignment, in no order."""
    nodes = list(ast.walk(ast.parse(source)))
    parameters = [
        Binding(line=node.lineno, name=node.arg) for node in nodes if isinstance(node, ast.arg)
    ]
    assigned = [
        Binding(line=node.lineno, name=node.id)
        for node in nodes
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]
    return parameters + assigned


def is_filler(name: str) -> bool:
    """Whether a name says nothing about what it holds."""
    return name.strip("_") in FILLERS


def filler_share(sources: Iterable[str]) -> tuple[int, int]:
    """How many bindings have filler names, and how many bindings there are."""
    names = [binding.name for source in sources for binding in bindings(source)]
    return sum(map(is_filler, names)), len(names)


def filler_counts(source: str) -> Counter[str]:
    """Filler names of a module and how often each is bound."""
    return Counter(binding.name for binding in bindings(source) if is_filler(binding.name))


def class_names(source: str) -> list[str]:
    """The public classes of a module."""
    return [
        node.name
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]


def shared_class_names(modules: Mapping[str, str]) -> dict[str, list[str]]:
    """Public class names that several modules define.

    Args:
        modules: path → source.

    Returns:
        Name → paths, sorted.
    """
    owners: dict[str, list[str]] = defaultdict(list)
    for path, source in sorted(modules.items()):
        for name in class_names(source):
            owners[name].append(path)
    return {name: paths for name, paths in sorted(owners.items()) if len(paths) > 1}


def folder_sizes(paths: Iterable[str]) -> list[tuple[str, int]]:
    """Folders by number of Python files, ``__init__.py`` aside, the fullest first."""
    folders = Counter(
        path.rpartition("/")[0] for path in paths if not path.endswith("__init__.py")
    )
    return folders.most_common()


def local_imports(source: str) -> int:
    """Imports inside functions."""
    return len(
        {
            node.lineno
            for function in functions(source)
            for node in ast.walk(function)
            if isinstance(node, ast.Import | ast.ImportFrom)
        }
    )


def function_sizes(sources: Iterable[str]) -> tuple[float, float, int]:
    """Median, 90th percentile and maximum of lines per function, docstrings aside."""
    lengths = [function_lines(node) for source in sources for node in functions(source)]
    return statistics.median(lengths), statistics.quantiles(lengths, n=10)[-1], max(lengths)


def long_subjects(subjects: Sequence[str]) -> list[str]:
    """Commit subjects that a log cuts off."""
    return [subject for subject in subjects if len(subject) > SUBJECT_CHARS_MAX]
