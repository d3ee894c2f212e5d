"""Settings of backups: who makes them, and how old they may be."""

from datetime import timedelta
from typing import Literal

from pydantic import model_validator

from ops.settings.values import Section, Timeout

BackupKind = Literal["none", "directory", "pgbackrest", "barman"]


class BackupSettings(Section):
    """How `tieout backup check` finds backups.

    Attributes:
        kind: who makes them: pgbackrest, barman, or pg_basebackup and an archive_command that
            write to folders (directory).
        base: with directory, the folder that has a folder for each base backup.
        archive: with directory, the folder of archived write-ahead log.
        server: the stanza of pgBackRest, or barman's name of the server.
        command: the program of pgBackRest or barman; empty: by its name.
        base_max_age: the newest base backup may be so old.
        archive_max_age: the last archived segment may be so old.
    """

    kind: BackupKind = "none"
    base: str = ""
    archive: str = ""
    server: str = ""
    command: str = ""
    base_max_age: Timeout = timedelta(hours=26)
    archive_max_age: Timeout = timedelta(minutes=10)

    @model_validator(mode="after")
    def _complete(self) -> "BackupSettings":
        if self.kind == "directory" and not (self.base and self.archive):
            raise ValueError("base and archive, the folders of kind directory")
        if self.kind in {"pgbackrest", "barman"} and not self.server:
            raise ValueError(f"server, which {self.kind} calls the database")
        return self
