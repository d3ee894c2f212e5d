"""Ask pgBackRest or barman for their backups."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ops.backups.model import BackupSet
from vocabulary.errors import Unavailable

#: Longest time that either program may take, in seconds.
TIMEOUT_S = 60.0


def ask_pgbackrest(command: str, stanza: str) -> BackupSet:
    """What ``pgbackrest info`` says about a stanza.

    Raises:
        Unavailable: it does not run, or answers something else.
    """
    words = [command or "pgbackrest", f"--stanza={stanza}", "--output=json", "info"]
    return pgbackrest_backups(_answer(words), stanza)


def ask_barman(command: str, server: str) -> BackupSet:
    """What ``barman list-backups`` says about a server.

    Raises:
        Unavailable: it does not run, or answers something else.
    """
    words = [command or "barman", "-f", "json", "list-backups", server]
    return barman_backups(_answer(words), server)


def pgbackrest_backups(document: Any, stanza: str) -> BackupSet:
    """The backups in an answer of pgBackRest.

    Raises:
        Unavailable: it is another document.
    """
    try:
        info = next(entry for entry in document if entry["name"] == stanza)
        status = info["status"]
        problems = [f"pgBackRest: {status['message']}"] if status["code"] else []
        backups = [backup for backup in info["backup"] if not backup.get("error")]
        newest = max(backups, key=lambda backup: backup["timestamp"]["stop"], default=None)
        segments = [archive["max"] for archive in info["archive"] if archive.get("max")]
    except (LookupError, TypeError, StopIteration) as error:
        raise Unavailable(f"pgbackrest info says nothing of the stanza {stanza}") from error
    return BackupSet(
        last_base=newest and newest["label"],
        base_at=newest and _instant(newest["timestamp"]["stop"]),
        last_segment=max(segments, default=None),
        problems=tuple(problems),
    )


def barman_backups(document: Any, server: str) -> BackupSet:
    """The backups in an answer of barman.

    Raises:
        Unavailable: it is another document.
    """
    try:
        listed: Sequence[Mapping[str, Any]] = document[server]
        done = [backup for backup in listed if backup["status"] == "DONE"]
        newest = max(done, key=lambda backup: int(backup["end_time_timestamp"]), default=None)
        failed = [backup["backup_id"] for backup in listed if backup["status"] == "FAILED"]
    except (LookupError, TypeError, ValueError) as error:
        raise Unavailable(f"barman says nothing of the server {server}") from error
    is_last_failed = bool(failed) and (newest is None or max(failed) > newest["backup_id"])
    problems = (f"barman: the backup {max(failed)} failed",) if is_last_failed else ()
    return BackupSet(
        last_base=newest["backup_id"] if newest else None,
        base_at=_instant(int(newest["end_time_timestamp"])) if newest else None,
        problems=problems,
    )


def _answer(words: Sequence[str]) -> Any:
    try:
        done = subprocess.run(  # noqa: S603 - the operator's own program and name
            words, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
        if done.returncode:
            raise Unavailable(
                f"{words[0]} ended with {done.returncode}: {done.stderr.strip()[-300:]}"
            )
        return json.loads(done.stdout)
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        raise Unavailable(f"{words[0]} gave no answer: {type(error).__name__}") from error


def _instant(unix: int) -> datetime:
    return datetime.fromtimestamp(unix, tz=UTC)
