"""Figures of style: pure functions from sources to numbers. Nothing here fails a build.

Numbers follow from good names; they do not make them. ``make style-report`` prints them.
"""

import ast
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from tests.meta.tidy import Function, function_lines

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleFigures:
    """What is counted of a module; all of it from one look at its nodes."""

    bindings: tuple[Binding, ...]
    classes: tuple[str, ...]
    local_imports: int
    function_lines: tuple[int, ...]


@cache
def module_figures(source: str) -> ModuleFigures:
    """Count a module; the nodes are not kept, which would be gigabytes for the whole tree."""
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    functions = [node for node in nodes if isinstance(node, Function)]
    return ModuleFigures(
        bindings=(*_parameters(nodes), *_assigned(nodes)),
        classes=tuple(
            node.name
            for node in tree.body
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
        ),
        local_imports=len(set(_imports_within(functions))),
        function_lines=tuple(map(function_lines, functions)),
    )


def _parameters(nodes: Iterable[ast.AST]) -> Iterator[Binding]:
    return (
        Binding(line=node.lineno, name=node.arg) for node in nodes if isinstance(node, ast.arg)
    )


def _assigned(nodes: Iterable[ast.AST]) -> Iterator[Binding]:
    return (
        Binding(line=node.lineno, name=node.id)
        for node in nodes
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    )


def _imports_within(functions: Iterable[Function]) -> Iterator[int]:
    """The lines of imports inside functions; those of nested functions come twice."""
    return (
        node.lineno
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    )


def bindings(source: str) -> Sequence[Binding]:
    """Every parameter and every name that a module binds by assignment, in no order."""
    return module_figures(source).bindings


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


def class_names(source: str) -> Sequence[str]:
    """The public classes of a module."""
    return module_figures(source).classes


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
    return module_figures(source).local_imports


def function_sizes(sources: Iterable[str]) -> tuple[float, float, int]:
    """Median, 90th percentile and maximum of lines per function, docstrings aside."""
    lengths = [lines for source in sources for lines in module_figures(source).function_lines]
    return statistics.median(lengths), statistics.quantiles(lengths, n=10)[-1], max(lengths)


def long_subjects(subjects: Sequence[str]) -> list[str]:
    """Commit subjects that a log cuts off."""
    return [subject for subject in subjects if len(subject) > SUBJECT_CHARS_MAX]
