"""The tidy rules: pure functions from one module's source to findings, a line each."""

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

FUNCTION_LINES_MAX = 50
FUNCTION_LINES_P90 = 25
FUNCTION_LINES_MEDIAN = 10
MODULE_LINES_MAX = 400
NAMELESS = frozenset(["utils", "common", "helpers", "manager", "base", "core", "service"])
NOT_MONEY = "# not money"

Rule = Callable[[str], list[str]]
Function = ast.FunctionDef | ast.AsyncFunctionDef

_SQL = re.compile(
    r"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH|COPY|CREATE|ALTER|DROP|TRUNCATE)\s"
)
_SKIPS = frozenset(
    f"pytest.{name}"
    for name in ("skip", "xfail", "importorskip", "mark.skip", "mark.skipif", "mark.xfail")
)


@lru_cache(maxsize=1)
def _nodes(source: str) -> Sequence[ast.AST]:
    """Every node of a module, whose rules are looked at one after another."""
    return tuple(ast.walk(ast.parse(source)))


def functions(source: str) -> Iterator[Function]:
    """Every function of a module, nested ones and methods included."""
    for node in _nodes(source):
        if isinstance(node, Function):
            yield node


def function_lines(function: Function) -> int:
    """Lines from ``def`` to the end, without the docstring."""
    first = function.body[0]
    docstring = 0
    if ast.get_docstring(function) is not None:
        docstring = (first.end_lineno or first.lineno) - first.lineno + 1
    return (function.end_lineno or function.lineno) - function.lineno + 1 - docstring


def long_functions(source: str) -> list[str]:
    """Functions that scroll."""
    return [
        f"{node.lineno}: {node.name} has {function_lines(node)} lines"
        for node in functions(source)
        if function_lines(node) > FUNCTION_LINES_MAX
    ]


def long_module(source: str) -> list[str]:
    """A module that wants to be two."""
    lines = len(source.splitlines())
    return [f"1: the module has {lines} lines"] if lines > MODULE_LINES_MAX else []


def floats(source: str) -> list[str]:
    """Float literals and conversions, unless the line says why it may."""
    lines = source.splitlines()
    return [
        f"{node.lineno}: a float where money lives"
        for node in _nodes(source)
        if isinstance(node, ast.expr) and _is_float(node)
        if NOT_MONEY not in lines[node.lineno - 1]
    ]


def wall_clocks(source: str) -> list[str]:
    """Reads of the wall that do not go through a Clock."""
    banned = ("datetime.now", "datetime.utcnow", "date.today", "datetime.today", "time.time")
    return [
        f"{node.lineno}: reads the wall; take a Clock"
        for node in _nodes(source)
        if isinstance(node, ast.Attribute)
        if _dotted(node) in banned or _dotted(node).removeprefix("datetime.") in banned
    ]


def prints(source: str) -> list[str]:
    """Calls of print outside the command line."""
    return [
        f"{call.lineno}: print belongs to the command line"
        for call in _calls(source)
        if _dotted(call.func) == "print"
    ]


def sql_texts(source: str) -> list[str]:
    """String literals that are SQL statements."""
    return [
        f"{node.lineno}: SQL text outside the packages that own tables"
        for node in _nodes(source)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if _SQL.match(node.value)
    ]


def mocks(source: str) -> list[str]:
    """Mocks and patches: seams are passed in instead."""
    found = []
    for node in _nodes(source):
        names = [alias.name for alias in getattr(node, "names", []) if hasattr(alias, "name")]
        origin = node.module or "" if isinstance(node, ast.ImportFrom) else ""
        if isinstance(node, ast.Import | ast.ImportFrom) and _mentions_mock(origin, names):
            found.append(f"{node.lineno}: no mocks of our own code")
        if isinstance(node, ast.arg) and node.arg == "mocker":
            found.append(f"{node.lineno}: no mocks of our own code")
        if isinstance(node, ast.Call) and _patches_behaviour(node):
            found.append(f"{node.lineno}: pass the seam in instead of patching it")
    return found


def skips(source: str) -> list[str]:
    """Tests that may decide not to run."""
    return [
        f"{node.lineno}: a test that may not run proves nothing"
        for node in _nodes(source)
        if isinstance(node, ast.Attribute) and _dotted(node) in _SKIPS
    ]


def swallowed(source: str) -> list[str]:
    """``try: … except …: pass``: a failure that nobody sees."""
    return [
        f"{node.lineno}: the failure is swallowed"
        for node in _nodes(source)
        if isinstance(node, ast.ExceptHandler)
        if len(node.body) == 1 and isinstance(node.body[0], ast.Pass)
    ]


def grouped_raises(source: str) -> list[str]:
    """``raise`` within ``except*``: the caller gets a group, on some Python versions only."""
    handled = (
        statement
        for node in _nodes(source)
        if isinstance(node, ast.TryStar)
        for handler in node.handlers
        for statement in ast.walk(handler)
    )
    return [
        f"{statement.lineno}: raised in except*, it arrives wrapped in a group"
        for statement in handled
        if isinstance(statement, ast.Raise)
    ]


def vague_raises(source: str) -> list[str]:
    """``pytest.raises`` that neither matches the message nor looks at the error."""
    found = []
    for function in functions(source):
        names = (node for node in ast.walk(function) if isinstance(node, ast.Name))
        used = {name.id for name in names if isinstance(name.ctx, ast.Load)}
        for item in _with_items(function):
            call = item.context_expr
            if not isinstance(call, ast.Call) or _dotted(call.func) != "pytest.raises":
                continue
            kept = item.optional_vars
            looked_at = isinstance(kept, ast.Name) and kept.id in used
            if not looked_at and all(keyword.arg != "match" for keyword in call.keywords):
                found.append(f"{call.lineno}: pytest.raises without match= or a look inside")
    return found


def _with_items(function: Function) -> Iterator[ast.withitem]:
    for node in ast.walk(function):
        if isinstance(node, ast.With | ast.AsyncWith):
            yield from node.items


def _calls(source: str) -> Iterator[ast.Call]:
    return (node for node in _nodes(source) if isinstance(node, ast.Call))


def _is_float(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, float)
    return isinstance(node, ast.Call) and _dotted(node.func) == "float"


def _patches_behaviour(call: ast.Call) -> bool:
    """``monkeypatch.setattr`` of anything but a named bound, such as a pause, made shorter."""
    if _dotted(call.func) != "monkeypatch.setattr":
        return False
    target = call.args[0] if len(call.args) == 2 else call.args[1]
    name = str(target.value) if isinstance(target, ast.Constant) else ""
    return not name.rsplit(".", 1)[-1].isupper()


def _mentions_mock(origin: str, names: list[str]) -> bool:
    full = [f"{origin}.{name}".strip(".") for name in names]
    return any("unittest.mock" in name or name == "mock" for name in full)


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return ""
