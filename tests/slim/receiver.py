"""Install a receiver alone into an empty environment and have it answer a callback.

``make slim``. Packages come from the registry, so this is no part of the test suite.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops.engines import postgres_server, servers
from ops.engines.data_directory import locked, open_data_directory
from storage.engine import open_engine
from storage.migrate import migrate
from tests.harness.books.delivered import bet
from tests.harness.people import register_people
from tests.harness.servers.ports import free_port
from tests.harness.servers.receiver import (
    SETTINGS,
    LedgerDatabase,
    ReceiverClient,
    wait_until,
)
from tests.meta.tree import ROOT, project
from vocabulary.build import COMMIT_VARIABLE, commit_of

#: The largest a receiver's packages may be, in bytes.
BYTES_MAX = 200_000_000
#: Nobody listens here: a receiver answers without a broker.
NO_BROKER = "redis://127.0.0.1:1/0"


def install(folder: Path) -> Path:
    """Install the package with the lock of receivers; returns the environment."""
    source, environment = folder / "source", folder / "venv"
    source.mkdir()
    packages = project()["tool"]["importlinter"]["root_packages"]
    for name in packages:
        shutil.copytree(ROOT / name, source / name)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    venv.create(environment, with_pip=True)
    python = str(environment / "bin" / "python")
    pip = [python, "-m", "pip", "--quiet", "install", "--no-deps"]
    lock = str(ROOT / "deploy" / "receiver.lock")
    subprocess.run([*pip, "--require-hashes", "-r", lock], check=True)
    subprocess.run(
        [*pip, "--no-build-isolation", str(source)],
        check=True,
        env={**os.environ, COMMIT_VARIABLE: commit_of(ROOT)},
    )
    return environment


def size_of(environment: Path) -> int:
    """Bytes of the packages of an environment, without pip and setuptools."""
    (packages,) = environment.glob("lib/python*/site-packages")
    return sum(
        path.stat().st_size
        for path in packages.rglob("*")
        if path.is_file() and path.relative_to(packages).parts[0] not in {"pip", "setuptools"}
    )


@contextmanager
def books(folder: Path) -> Iterator[str]:
    """A migrated database on a server of this machine."""
    home = open_data_directory(folder / "data")
    try:
        with locked(home):
            postgres_server.start(home)
        url = postgres_server.url(home)
        engine = open_engine(url)
        migrate(engine)
        register_people(engine)
        engine.dispose()
        yield url
    finally:
        servers.stop(home.root)


def tieout(environment: Path, folder: Path, *words: str) -> "subprocess.Popen[str]":
    """Start a command of the slim environment."""
    return subprocess.Popen(
        [environment / "bin" / "tieout", *words],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
        env={k: v for k, v in os.environ.items() if not k.startswith("TIEOUT_")},
    )


def answer_a_callback(environment: Path, folder: Path, url: str) -> None:
    """Run a receiver of the environment, and have it book a bet."""
    servers_named = f'[database]\nurl = "{url}"\n[broker]\nurl = "{NO_BROKER}"\n'
    (folder / "tieout.toml").write_text(SETTINGS + servers_named)
    ledger = LedgerDatabase(url)
    ledger.player("42")
    client = ReceiverClient(free_port())
    receiver = tieout(environment, folder, "receiver", "--port", str(client.port))
    try:
        assert wait_until(lambda: receiver.poll() is not None or client.is_ready())
        assert receiver.poll() is None, receiver.communicate()[1]
        assert client.post("sport", bet("42", "OP-1")).status == 200
        assert ledger.rows("SELECT count(*) FROM operations WHERE kind = 'bet'") == [(1,)]
    finally:
        receiver.terminate()
        receiver.communicate(timeout=60)
        ledger.close()


def main() -> int:
    """Install, start, ask; returns the exit code."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = install(folder)
        size = size_of(environment)
        with books(folder) as url:
            answer_a_callback(environment, folder, url)
        refused = tieout(environment, folder, "reconcile", "run")
        advice = refused.communicate(timeout=60)[1]
    print(f"a receiver's packages have {size / 1e6:.0f} MB, and it answers")
    print(f"tieout reconcile: exit {refused.returncode}: {advice.strip()}")
    is_fine = size < BYTES_MAX and refused.returncode == 2 and "tieout[worker]" in advice
    return 0 if is_fine else 1


if __name__ == "__main__":
    sys.exit(main())
