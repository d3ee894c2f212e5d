"""Keep the embedded servers running beside a supervisor: notice a death, restart, report."""

import os
import select
import threading
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from ops.engines import servers
from ops.engines.servers import ServerPids
from ops.runtime.supervisor import RestartPolicy, Restarts
from ops.settings.model import EMBEDDED, Settings
from vocabulary.errors import Unavailable

log = structlog.get_logger()


class EngineKeeper(threading.Thread):
    """Watches the embedded servers of a data directory from a thread of its own.

    Recovery may have to replay a write-ahead log; the supervisor stays responsive meanwhile.

    Args:
        data_dir: where they run.
        settings: which of them are embedded.
        on_change: called with a server's name and its live pids.
        on_hopeless: called when a server does not stay up.
        policy: when to restart and when to give up.
    """

    def __init__(
        self,
        data_dir: Path,
        settings: Settings,
        *,
        on_change: Callable[[str, list[int]], None],
        on_hopeless: Callable[[], None],
        policy: RestartPolicy | None = None,
    ) -> None:
        super().__init__(name="engine-keeper", daemon=True)
        self._data_dir = data_dir
        self._settings = settings
        self._on_change = on_change
        self._on_hopeless = on_hopeless
        self._restarts = Restarts(policy or RestartPolicy())
        self._stop_read, self._stop_write = os.pipe()

    def stop(self) -> None:
        """Stop watching; the servers are left as they are."""
        os.write(self._stop_write, b"\0")
        self.join()
        os.close(self._stop_read)
        os.close(self._stop_write)

    def run(self) -> None:
        """Watch until stopped; what cannot be watched is hopeless."""
        try:
            self._watch()
        except Exception as error:  # noqa: BLE001 - a server that dies must not stay down
            log.critical("engines_not_watched", error=type(error).__name__, why=str(error))
            self._on_hopeless()

    def _watch(self) -> None:
        watched_at = time.monotonic()
        while self._any_died(self._report()):
            now = time.monotonic()
            pause = self._restarts.pause_after(died_at=now, lived_s=now - watched_at)
            log.warning("engine_died", engines=self._missing(), restart_in_s=pause)
            watched_at = now
            if pause is None:
                return self._on_hopeless()
            self._recover(pause)
        return None

    def _report(self) -> ServerPids:
        pids = servers.status(self._data_dir)
        self._on_change("postgres", [pids.postgres] if pids.postgres else [])
        self._on_change("valkey", [pids.valkey] if pids.valkey else [])
        return pids

    def _any_died(self, pids: ServerPids) -> bool:
        """Wait until a needed server ends (True) or ``stop`` is called (False)."""
        handles = []
        try:
            for pid in self._needed(pids).values():
                if pid is None:
                    return not self._is_stopping()
                handles.append(os.pidfd_open(pid))
            return self._stop_read not in select.select([self._stop_read, *handles], [], [])[0]
        except ProcessLookupError:  # it ended between reading its pid and opening it
            return True
        finally:
            for handle in handles:
                os.close(handle)

    def _needed(self, pids: ServerPids) -> dict[str, int | None]:
        """The pids of the servers that the settings leave to us, by name."""
        engines = {
            "postgres": (self._settings.database.url, pids.postgres),
            "valkey": (self._settings.broker.url, pids.valkey),
        }
        return {name: pid for name, (url, pid) in engines.items() if url == EMBEDDED}

    def _missing(self) -> list[str]:
        needed = self._needed(servers.status(self._data_dir))
        return [name for name, pid in needed.items() if pid is None]

    def _is_stopping(self) -> bool:
        return bool(select.select([self._stop_read], [], [], 0)[0])

    def _recover(self, pause_s: float) -> None:
        if select.select([self._stop_read], [], [], pause_s)[0]:
            return  # stopping: do not restart
        try:
            servers.ensure_running(self._data_dir, self._settings)
        except Unavailable as error:
            log.warning("engine_lost", reason=str(error))
        else:
            log.info("engine_recovered")
