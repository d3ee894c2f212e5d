"""The size budget and the house rules, over every module; each rule is shown to fire."""

import statistics

import pytest

from tests.meta import tidy
from tests.meta.tree import ROOT, modules, packages

MONEY_ROOMS = ("vocabulary", "providers", "ledger", "feeds", "breaks", "reconcile", "reports")
NO_SQL_ROOMS = ("vocabulary", "providers", "webhooks", "simulator")

#: Rule, where it holds, what is exempt, and a violation that it must find.
RULES: dict[str, tuple[tidy.Rule, tuple[str, ...], tuple[str, ...], str]] = {
    "function length": (
        tidy.long_functions,
        (*packages(), "tests", "benchmarks"),
        (),
        "def scrolls():\n" + "    x = 1\n" * tidy.FUNCTION_LINES_MAX,
    ),
    "module length": (
        tidy.long_module,
        (*packages(), "tests", "benchmarks"),
        (),
        "x = 1\n" * (tidy.MODULE_LINES_MAX + 1),
    ),
    "no floats near money": (tidy.floats, MONEY_ROOMS, (), "half = 0.5\n"),
    "one clock": (
        tidy.wall_clocks,
        (*packages(), "tests"),
        ("vocabulary/clock.py",),
        "import datetime\nnow = datetime.datetime.now(datetime.UTC)\n",
    ),
    "print is for the command line": (
        tidy.prints,
        tuple(package for package in packages() if package != "ops"),
        (),
        "print('here')\n",
    ),
    "SQL has an owner": (tidy.sql_texts, NO_SQL_ROOMS, (), "q = 'SELECT 1'\n"),
    "no mocks": (tidy.mocks, ("tests",), (), "from unittest import mock\n"),
    "no skips": (tidy.skips, ("tests",), (), "import pytest\npytest.skip('later')\n"),
    "nothing swallowed": (
        tidy.swallowed,
        (*packages(), "tests"),
        (),
        "try:\n    f()\nexcept OSError:\n    pass\n",
    ),
    "errors leave their group": (
        tidy.grouped_raises,
        (*packages(), "tests", "benchmarks"),
        (),
        "try:\n    f()\nexcept* OSError as group:\n    raise group.exceptions[0]\n",
    ),
    "errors are looked at": (
        tidy.vague_raises,
        ("tests",),
        (),
        "def test_x():\n    with pytest.raises(ValueError):\n        f()\n",
    ),
}


@pytest.fixture(scope="module")
def findings() -> dict[str, list[str]]:
    """The violations of each rule: every module is parsed once for all of them."""
    places = {
        name: {path for path in modules(*where) if str(path) not in exempt}
        for name, (_, where, exempt, _) in RULES.items()
    }
    violations: dict[str, list[str]] = {name: [] for name in RULES}
    for path in sorted(set().union(*places.values())):
        source = (ROOT / path).read_text()
        for name, (rule, *_) in RULES.items():
            if path in places[name]:
                violations[name] += [f"{path}:{finding}" for finding in rule(source)]
    return violations


@pytest.mark.parametrize("name", RULES)
def test_every_module_keeps_the_rule(findings: dict[str, list[str]], name: str) -> None:
    assert findings[name] == []


@pytest.mark.parametrize("name", RULES)
def test_the_rule_finds_a_planted_violation(name: str) -> None:
    rule, _, _, violation = RULES[name]

    assert rule(violation) != []


@pytest.mark.parametrize(
    ("rule", "violation"),
    [
        (tidy.floats, "rate = float(text)\n"),
        (tidy.wall_clocks, "from datetime import date\ntoday = date.today()\n"),
        (tidy.mocks, "from unittest.mock import patch\n"),
        (tidy.mocks, "def test_x(mocker): ...\n"),
        (tidy.mocks, "def test_x(monkeypatch):\n    monkeypatch.setattr(a, 'b', 1)\n"),
        (tidy.skips, "@pytest.mark.skipif(True, reason='')\ndef test_x(): ...\n"),
        (
            tidy.vague_raises,
            "def test_x():\n    with pytest.raises(ValueError) as caught:\n        f()\n",
        ),
        (tidy.sql_texts, "q = '''\n  INSERT INTO entries VALUES (1)'''\n"),
    ],
)
def test_the_rule_finds_the_other_spellings_too(rule: tidy.Rule, violation: str) -> None:
    assert rule(violation) != []


@pytest.mark.parametrize(
    ("rule", "fine"),
    [
        (tidy.mocks, "def test_x(monkeypatch):\n    monkeypatch.setattr('a.b.PAUSE_S', 1)\n"),
        (tidy.floats, "share = 0.5  # not money: a chart's width\n"),
        (tidy.long_functions, 'def f():\n    """' + "say\n" * 60 + '"""\n    return 1\n'),
        (
            tidy.vague_raises,
            "def t():\n    with pytest.raises(E) as e:\n        f()\n    assert e.value.a\n",
        ),
        (
            tidy.vague_raises,
            "def test_x():\n    with pytest.raises(E, match='b'):\n        f()\n",
        ),
        (tidy.sql_texts, 'def f():\n    """Create what is missing."""\n'),
    ],
)
def test_the_rule_leaves_honest_code_alone(rule: tidy.Rule, fine: str) -> None:
    assert rule(fine) == []


def test_functions_are_short_on_the_whole() -> None:
    lengths = [
        tidy.function_lines(function)
        for path in modules(*packages())
        for function in tidy.functions((ROOT / path).read_text())
    ]

    p90 = statistics.quantiles(lengths, n=10)[-1]
    print(f"{len(lengths)} functions, median {statistics.median(lengths)}, p90 {p90}")
    assert statistics.median(lengths) <= tidy.FUNCTION_LINES_MEDIAN
    assert p90 <= tidy.FUNCTION_LINES_P90


def test_no_module_has_a_name_that_means_anything() -> None:
    named = [path for path in modules(*packages(), "benchmarks") if path.stem in tidy.NAMELESS]

    assert named == []


def test_every_room_is_imported_from_this_checkout() -> None:
    """Flat names could be taken by some dependency's top-level module."""
    for package in packages():
        module = __import__(package)

        assert str(module.__file__) == str(ROOT / package / "__init__.py")
