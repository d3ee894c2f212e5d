"""Rolling restarts of two receivers under load, and what a balancer in front saw of them."""

from pathlib import Path

from tests.harness.servers.balanced import BalancedClient, Traffic
from tests.harness.servers.ports import free_port
from tests.harness.servers.receiver import SECRET, SETTINGS, TieoutProcess, wait_until

#: A stopping receiver takes callbacks for several checks of the client.
ROLLING_SETTINGS = SETTINGS.replace(
    'drain_timeout = "5s"', 'drain_delay = "500ms"\ndrain_timeout = "5s"'
)


def restart_in_turn(
    folder: Path, database: str, broker: str, *, player: str, restarts: int, rate: float
) -> Traffic:
    """Restart two receivers in turn while a client sends; returns what it saw."""
    (folder / "tieout.toml").write_text(ROLLING_SETTINGS)
    ports = [free_port(), free_port()]

    def started(port: int) -> TieoutProcess:
        return TieoutProcess(folder, database, broker, "receiver", "--port", str(port))

    running = {port: started(port) for port in ports}
    client = BalancedClient(ports, player=player, secret=SECRET, rate=rate)
    client.start()
    try:
        assert wait_until(lambda: all(map(client.is_ready, ports)))
        for number in range(restarts):
            port = ports[number % 2]
            assert running[port].terminate() == 0, running[port].log()
            running[port] = started(port)
            assert wait_until(lambda port=port: client.is_ready(port))  # type: ignore[misc]
    finally:
        traffic = client.finish()
        for process in running.values():
            process.kill()
    return traffic
