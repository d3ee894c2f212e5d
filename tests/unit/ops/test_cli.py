"""The command line's edges: lazy commands, exit codes, sentences instead of tracebacks."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import ops.commands
from ops.cli import COMMANDS, load_command
from vocabulary.build import version
from workers.heartbeat_file import touch

TIEOUT = [sys.executable, "-m", "ops"]


def tieout(folder: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*TIEOUT, *words],
        cwd=folder,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_listed_can_be_loaded(name: str) -> None:
    command = load_command(name)

    assert command.name == name
    assert command.help


def test_every_module_with_a_command_is_listed() -> None:
    folder = Path(str(ops.commands.__file__)).parent
    defining = {
        ".".join(path.relative_to(folder.parents[1]).with_suffix("").parts)
        for path in folder.rglob("*.py")
        if "ctx: typer.Context" in path.read_text()
    }

    for name in COMMANDS:
        list(getattr(load_command(name), "commands", {}).values())

    assert len(defining) > len(COMMANDS)
    assert defining - set(sys.modules) == set()


@pytest.mark.parametrize("name", ["breaks", "feed", "ledger", "players", "provider", "queue"])
def test_the_help_of_a_group_shows_the_help_of_its_commands(name: str) -> None:
    group = load_command(name)

    for subcommand in group.list_commands(None):
        shown = group.get_command(None, subcommand)
        assert shown.help
        assert shown.help == group.commands[subcommand].help


def test_a_liveness_probe_imports_no_settings_and_no_driver(tmp_path: Path) -> None:
    heartbeat = tmp_path / "worker.pulse"
    touch(heartbeat)
    probe = (
        "import sys, ops.cli\n"
        f"try: ops.cli.app(['queue', 'alive', {str(heartbeat)!r}])\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'ops.settings.model', 'sqlalchemy', 'psycopg', 'redis', 'structlog'}\n"
        "print(sorted(heavy & set(sys.modules)) or 'light')\n"
    )

    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True)

    assert done.stdout.splitlines()[-1] == "light"


def test_help_names_every_command_and_imports_none(tmp_path: Path) -> None:
    listing = (
        "import sys, ops.cli\n"
        "try: ops.cli.app(['--help'])\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'pandas', 'sqlalchemy', 'pydantic', 'aiohttp', 'dramatiq', 'psycopg'}\n"
        "print(sorted(heavy & set(sys.modules)) or 'light')\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", listing], cwd=tmp_path, capture_output=True, text=True
    )

    assert done.stdout.splitlines()[-1] == "light"
    assert [name for name in COMMANDS if name not in done.stdout] == []


def test_wrong_settings_are_listed_and_exit_2(tmp_path: Path) -> None:
    (tmp_path / "tieout.toml").write_text('[receiver]\nport = "x"\n[brokr]\n')

    threads = "expected a number greater than or equal to 1"

    done = tieout(tmp_path, "config", "check", TIEOUT_WORKERS__THREADS="0")

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "the settings do not hold:",
        "tieout.toml: receiver.port: expected a whole number",
        f"environment variable TIEOUT_WORKERS__THREADS: workers.threads: {threads}",
        "tieout.toml: brokr: unknown key, did you mean broker?",
    ]


@pytest.mark.parametrize(
    "words", [["no-such-command"], ["config", "shwo"], ["up", "--prot", "1"]]
)
def test_wrong_usage_exits_2(tmp_path: Path, words: list[str]) -> None:
    done = tieout(tmp_path, *words)

    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("word", ["-2", "-400", "-35.34"])
def test_a_negative_number_is_an_argument_and_no_option(word: str) -> None:
    command = load_command("day").commands["show"]
    context = command.make_context("show", [word, "--provider", "agg", "--json"])

    assert context.params["day"] == word
    assert context.params["provider"] == ["agg"]


@pytest.mark.parametrize(
    "words",
    [
        *("breaks list", "breaks groups", "dispute list", "find 7", "job list"),
        *("ledger rounds", "ledger residuals", "ledger statement"),
    ],
)
@pytest.mark.parametrize("most", ["-1", "0", "99999999999999999999"])
def test_a_list_of_no_or_of_countless_rows_is_refused(words: str, most: str) -> None:
    group, *rest = words.split()
    command = load_command(group)
    if hasattr(command, "commands"):
        command = command.commands[rest.pop(0)]

    with pytest.raises(
        typer.BadParameter, match=r"Input should be (greater|less) than or equal to 10*$"
    ):
        command.make_context(words, [*rest, "--most", most])


@pytest.mark.parametrize("number", ["0", "9223372036854775808"])
def test_a_file_replaces_none_whose_number_no_file_can_have(number: str) -> None:
    command = load_command("feed").commands["import"]
    words = [__file__, "--provider", "agg", "--replaces", number]

    with pytest.raises(typer.BadParameter, match=r"Input should be (greater|less)"):
        command.make_context("import", words)


@pytest.mark.parametrize("number", ["0", "9223372036854775808"])
def test_no_file_is_written_whose_number_no_file_can_have(number: str) -> None:
    command = load_command("feed").commands["file"]

    with pytest.raises(typer.BadParameter, match=r"Input should be (greater|less)"):
        command.make_context("file", [number, "copy.csv"])


def test_an_unknown_option_is_refused_all_the_same(tmp_path: Path) -> None:
    done = tieout(tmp_path, "day", "show", "-x2", "--all")

    assert done.returncode == 2
    assert "No such option: -x" in done.stderr


def test_a_database_out_of_reach_exits_3_in_one_line_without_its_password(
    tmp_path: Path,
) -> None:
    url = "postgresql://books:canary-9e1@127.0.0.1:1/books"

    done = tieout(tmp_path, "migrate", TIEOUT_DATABASE__URL=url, TIEOUT_BROKER__URL="redis://x")

    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1
    assert "database.url (postgresql://books:***@127.0.0.1:1/books)" in done.stderr
    assert "canary" not in done.stderr


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ("gone/tieout.toml", "it is not there: check the path, or make its folder"),
        ("file/tieout.toml", "a folder is expected where a file is"),
        ("x" * 300, "the name is longer than the disk takes"),
    ],
)
def test_a_path_that_cannot_be_written_exits_2_in_one_line(
    tmp_path: Path, config: str, sentence: str
) -> None:
    (tmp_path / "file").touch()

    done = tieout(tmp_path, "--config", config, "init")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{config}: {sentence}\n"


def test_an_optimised_interpreter_is_refused(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-O", "-m", "ops", "--version"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 2
    assert "python -O" in done.stderr


def test_the_settings_in_force_are_shown_without_secrets(tmp_path: Path) -> None:
    (tmp_path / "tieout.toml").write_text(
        '[[providers]]\nslug = "book"\ndialect = "sportsbook"\ncurrency = "EUR"\n'
        'secrets = ["env:BOOK_SECRET"]\n'
    )
    secret = "canary-77ab"

    shown = tieout(tmp_path, "config", "show", "--json", BOOK_SECRET=secret)
    lines = tieout(tmp_path, "config", "show", BOOK_SECRET=secret, TIEOUT_RECEIVER__PORT="81")
    checked = tieout(tmp_path, "config", "check", BOOK_SECRET=secret)

    provider = json.loads(shown.stdout)["providers"][0]
    assert provider["secrets"] == ["env:BOOK_SECRET"]
    assert provider["maturity"] == "15m"
    assert "receiver.port = 81" in lines.stdout.splitlines()
    assert 'providers.book.secrets = ["env:BOOK_SECRET"]' in lines.stdout.splitlines()
    assert checked.stdout == "the settings hold; providers: book\n"
    assert secret not in shown.stdout + lines.stdout + checked.stdout


def test_the_version_is_said_without_settings(tmp_path: Path) -> None:
    (tmp_path / "tieout.toml").write_text("broken")

    done = tieout(tmp_path, "--version")

    assert done.returncode == 0
    assert done.stdout == f"tieout {version()}\n"
