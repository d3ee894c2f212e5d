"""The mirror of style shows what it should, and one name means one thing."""

from tests.meta import style, style_report
from tests.meta.tree import ROOT, modules, packages


def is_dialect_part(path: str) -> bool:
    """Whether a module belongs to one of several folders that hold the same file names."""
    return path.split("/", maxsplit=1)[0] == "providers" and path.count("/") == 2


def test_a_public_class_name_stands_for_one_concept() -> None:
    """Dialects may use one name for the same part: none of them knows another."""
    sources = {str(path): (ROOT / path).read_text() for path in modules(*packages())}
    shared = style.shared_class_names(
        {path: source for path, source in sources.items() if not is_dialect_part(path)}
    )

    assert shared == {}


def test_a_class_name_used_twice_is_found() -> None:
    modules_ = {"a/x.py": "class Line: ...", "b/y.py": "class Line: ...\nclass Other: ..."}

    assert style.shared_class_names(modules_) == {"Line": ["a/x.py", "b/y.py"]}


def test_filler_names_are_counted_among_parameters_and_assignments() -> None:
    source = (
        "def f(told, amount):\n    _found = told\n    for each in amount:\n        total = 1\n"
    )

    assert style.filler_share([source]) == (3, 5)
    assert style.filler_counts(source) == {"told": 1, "_found": 1, "each": 1}


def test_only_fillers_that_were_added_are_shown() -> None:
    before = "told = 1\n"
    after = "told = 1\nsaid = 2\n"

    assert style_report.new_fillers("a.py", before, after) == [
        "a.py:2: `said` does not say what it holds"
    ]
    assert style_report.new_fillers("a.py", before, before) == []


def test_folders_are_counted_without_their_init_files() -> None:
    assert style.folder_sizes(["a/__init__.py", "a/b.py", "a/c.py", "d/e.py"]) == [
        ("a", 2),
        ("d", 1),
    ]


def test_imports_inside_functions_are_counted() -> None:
    assert style.local_imports("import os\ndef f():\n    import sys\n    return sys\n") == 1


def test_long_subjects_are_those_that_a_log_cuts_off() -> None:
    assert style.long_subjects(["short", "x" * 73]) == ["x" * 73]


def test_the_table_has_a_row_for_every_package() -> None:
    lines = style_report.table()

    assert [
        name for name in packages() if not any(f"  {name} " in line for line in lines)
    ] == []
