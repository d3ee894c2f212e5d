"""The context of a command: settings, data directory, and the servers behind them."""

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from ops.engines.servers import Endpoints
    from ops.settings.model import Settings
    from ops.work import Work
    from vocabulary.currencies import Exponents

DEFAULT_DATA_DIR = Path(".tieout")


class Context:
    """The global options, and the settings, which are read on first use.

    Attributes:
        config: the settings file of ``--config``, or None.
        data_dir: where embedded engines keep their files.
        is_own_process: the process runs this command alone and ends with it.
        work: the part of background work that the process does, or None.
    """

    def __init__(
        self,
        *,
        config: Path | None,
        data_dir: Path,
        settings: "Settings | None" = None,
        is_own_process: bool = False,
    ) -> None:
        self.config = config
        self.data_dir = data_dir
        self.is_own_process = is_own_process
        self.work: Work | None = None
        self._given = settings

    @cached_property
    def settings(self) -> "Settings":
        """The settings.

        Raises:
            SettingsInvalid: with every problem.
        """
        from ops.settings.loader import load  # noqa: PLC0415 - 120 ms that --help does not need

        return load(self.config, os.environ) if self._given is None else self._given

    @cached_property
    def database_url(self) -> str:
        """The database's URL for the application; an embedded one is started or reused.

        Raises:
            SettingsInvalid: the settings do not hold.
            Unavailable: the embedded database is not there or cannot be started.
        """
        from ops.engines.servers import ensure_database  # noqa: PLC0415 - as above

        url = ensure_database(self.data_dir, self.settings)
        self._yield_to_callbacks(url)
        return url

    @cached_property
    def owner_url(self) -> str:
        """The database's URL for who owns the tables; an embedded one is started or reused.

        Raises:
            SettingsInvalid: the settings do not hold.
            Unavailable: the embedded database is not there or cannot be started.
        """
        from ops.engines.servers import ensure_owned_database  # noqa: PLC0415 - as above

        return ensure_owned_database(self.data_dir, self.settings)

    @cached_property
    def migration_url(self) -> str:
        """As ``owner_url``, but an embedded database is made where there is none."""
        from ops.engines.servers import ensure_new_database  # noqa: PLC0415 - as above

        return ensure_new_database(self.data_dir, self.settings)

    def _yield_to_callbacks(self, database_url: str) -> None:
        """Lower the priority of background work, once its server runs with its own."""
        if self.work is None:
            return
        from ops.background.priorities import priority_of, yield_to_callbacks  # noqa: PLC0415
        from ops.runtime import logs  # noqa: PLC0415

        logs.configure(level="warning")
        yield_to_callbacks(priority_of(self.settings, self.work, database_url))


def context_of(ctx: typer.Context) -> Context:
    """The context that the global options made for this command."""
    context = ctx.find_object(Context)
    if context is None:
        raise RuntimeError("a command runs below the root group, which makes its context")
    return context


def own_exponents(ctx: typer.Context) -> "Exponents":
    """The digits of currencies outside ISO 4217 that the settings of a command name.

    Raises:
        SettingsInvalid: the settings do not hold.
    """
    return context_of(ctx).settings.exponents


def database_url(context: Context) -> str:
    """Start or reuse the embedded database; for commands that need no broker.

    Raises:
        SettingsInvalid: the settings do not hold.
        Unavailable: the embedded database cannot be started.
    """
    return context.database_url


def endpoints(context: Context) -> "Endpoints":
    """Start or reuse the embedded services; external ones are left alone.

    Raises:
        SettingsInvalid: the settings do not hold.
        Unavailable: an embedded service cannot be started.
    """
    from ops.engines.servers import ensure_running  # noqa: PLC0415 - as above

    return ensure_running(context.data_dir, context.settings)
