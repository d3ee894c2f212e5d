"""``tieout up`` on servers of one's own: from nothing to proven books, while a broker dies."""

import json
from pathlib import Path

from ops.engines import servers
from ops.engines.pid_file import read_pids
from ops.engines.servers import ServerPids
from tests.external.servers import Server, until
from tests.harness.chaos.proof import prove_books, prove_history
from tests.harness.servers.tieout_stack import SETTINGS, TieoutStack

CALLBACKS = 600


def settings(database: str, broker: str) -> str:
    """Two receivers at one port, two workers, and the servers' URLs."""
    several = SETTINGS.replace(
        "[workers]", "[receiver]\nprocesses = 2\n[workers]\nprocesses = 2"
    )
    return f'{several}\n[database]\nurl = "{database}"\n[broker]\nurl = "{broker}"\n'


def play(folder: Path, database: str, url: str, broker: Server) -> None:
    """Load a whole Tieout, kill its broker in the middle, bring it back, prove everything."""
    running = TieoutStack(folder, settings=settings(database, url))
    try:
        simulating = running.simulate(count=CALLBACKS, seed=31)
        running.wait_until_zero(
            f"SELECT greatest(0, {CALLBACKS // 4} - count(*)) FROM operations"
        )
        broker.restart()
        out, _ = simulating.communicate(timeout=180)

        assert simulating.returncode == 0, out
        assert json.loads(out)["mismatched"] == 0
        prove_books(running)
        prove_history(running)
        assert running.query("SELECT count(*) FROM parked") == [(0,)]
        names = {"supervisor": 1, "receiver": 2, "worker": 2, "scheduler": 1, "console": 1}
        assert until(lambda: counted(running) == names), counted(running)
        assert servers.status(running.data) == ServerPids(postgres=None, valkey=None)
    finally:
        running.stop()
    assert running.up.returncode == 0


def counted(running: TieoutStack) -> dict[str, int]:
    """How many processes of each kind run."""
    return {name: len(pids) for name, pids in read_pids(running.data).items()}
