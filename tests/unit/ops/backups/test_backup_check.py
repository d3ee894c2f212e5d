"""What is wrong with backups is named, whoever makes them; a whole and young one is not."""

import gzip
import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ops.backups.check import findings
from ops.backups.folders import read_folders
from ops.backups.model import ArchiverState, BackupSet
from ops.backups.programs import ask_pgbackrest, barman_backups, pgbackrest_backups
from ops.settings.sections.backup import BackupSettings
from vocabulary.errors import Unavailable

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
MIB = 1 << 20
FOLDERS = BackupSettings(kind="directory", base="/base", archive="/archive")
ARCHIVER = ArchiverState(
    mode="on",
    segment_bytes=16 * MIB,
    last_segment="000000010000000000000005",
    archived_at=NOW - timedelta(minutes=1),
    failed_segment=None,
    failed_at=None,
)
BACKUPS = BackupSet(
    last_base="2026-11-29",
    base_at=NOW - timedelta(hours=3),
    last_segment="000000010000000000000005",
)


def found(
    *,
    backups: BackupSet = BACKUPS,
    archiver: ArchiverState = ARCHIVER,
    settings: BackupSettings = FOLDERS,
) -> list[str]:
    return list(findings(backups, archiver, settings, now=NOW))


def test_a_young_backup_with_a_whole_archive_has_no_finding() -> None:
    assert found() == []
    assert found(archiver=replace(ARCHIVER, failed_at=NOW - timedelta(days=1))) == []


def test_each_fault_is_a_finding_of_its_own() -> None:
    old, hour = NOW - timedelta(days=3, minutes=5), NOW - timedelta(hours=1)
    assert found(settings=BackupSettings()) == [
        "no backups are configured: set backup.kind, see docs/backup.md"
    ]
    assert found(backups=replace(BACKUPS, base_at=None)) == ["there is no base backup"]
    assert found(backups=replace(BACKUPS, base_at=old)) == [
        "the newest base backup, 2026-11-29, is 72 h 05 min old"
    ]
    assert found(archiver=replace(ARCHIVER, mode="off")) == [
        "archive_mode is off: what is written after a base backup cannot be restored"
    ]
    assert found(archiver=replace(ARCHIVER, archived_at=hour)) == [
        "the last segment was archived 1 h 00 min ago; is archive_timeout set?"
    ]
    never = replace(ARCHIVER, archived_at=None, last_segment=None)
    assert found(archiver=never) == ["no segment of the write-ahead log was ever archived"]
    failing = replace(ARCHIVER, failed_at=NOW, failed_segment="000000010000000000000006")
    (failure,) = found(archiver=failing)
    assert failure == (
        "archiving fails: segment 000000010000000000000006, last tried at"
        " 2026-11-29T12:00:00Z; PostgreSQL's log says why"
    )
    behind = replace(BACKUPS, last_segment="000000010000000000000003")
    (lag,) = found(backups=behind)
    assert lag == (
        "the archive ends with 000000010000000000000003, PostgreSQL archived"
        " 000000010000000000000005"
    )


def folders(root: Path, *segments: str) -> tuple[Path, Path]:
    """A base backup that begins in segment 2, and an archive of these segments."""
    base, archive = root / "base", root / "archive"
    (base / "new").mkdir(parents=True)
    archive.mkdir()
    manifest = base / "new" / "backup_manifest"
    ranges = [{"Timeline": 1, "Start-LSN": "0/2000028", "End-LSN": "0/2000120"}]
    manifest.write_text(json.dumps({"WAL-Ranges": ranges}))
    os.utime(manifest, (NOW.timestamp(), NOW.timestamp()))
    for name in segments:
        (archive / name).touch()
    return base, archive


def names(*numbers: int) -> list[str]:
    return [f"0000000100000000{number:08X}" for number in numbers]


def test_folders_are_read_with_their_newest_backup_and_segment(tmp_path: Path) -> None:
    base, archive = folders(
        tmp_path,
        *names(1, 2),
        *(f"{n}.gz" for n in names(3)),
        "000000010000000000000002.0028.backup",
    )
    read = read_folders(base, archive, segment_bytes=16 * MIB)
    assert read == BackupSet(
        last_base="new", base_at=NOW, last_segment="000000010000000000000003"
    )


@pytest.mark.parametrize(
    ("kept", "lacks"),
    [((2, 3, 5), 4), ((3, 4), 2), ((), 2)],
    ids=["a gap", "the first one", "everything"],
)
def test_a_gap_after_the_base_backup_is_named(
    tmp_path: Path, kept: tuple[int, ...], lacks: int
) -> None:
    base, archive = folders(tmp_path, *names(*kept))
    read = read_folders(base, archive, segment_bytes=16 * MIB)
    assert read.problems == (f"the archive lacks the segment {names(lacks)[0]}",)


def test_segments_are_numbered_on_over_the_end_of_a_log_file(tmp_path: Path) -> None:
    base, archive = folders(tmp_path, *names(*range(2, 256)), "000000010000000100000000")
    assert read_folders(base, archive, segment_bytes=16 * MIB).problems == ()


ANOTHER = (
    "the newest base backup is of timeline 1, from which timeline 2 of the archive does not"
    " come: make another one"
)
#: The second timeline left the first one in segment 4, as after a restore to an instant.
HISTORY = "1\t0/4000098\tbefore 2026-11-29 11:00:00+00\n"


def of_second(*numbers: int) -> list[str]:
    return [f"0000000200000000{number:08X}" for number in numbers]


@pytest.mark.parametrize(
    ("kept", "history", "problems"),
    [
        ([*names(2, 3), *of_second(4, 5)], HISTORY, ()),
        ([*names(2, 3, 4, 5, 6), *of_second(4, 5)], HISTORY, ()),
        (
            [*names(2, 3, 4, 5, 6), *of_second(4, 6)],
            HISTORY,
            ("the archive lacks the segment 000000020000000000000005",),
        ),
        (
            [*names(2, 3, 4, 5, 6), *of_second(5)],
            HISTORY,
            ("the archive lacks the segment 000000020000000000000004",),
        ),
        (
            [*names(2), *of_second(4, 5)],
            HISTORY,
            ("the archive lacks the segment 000000010000000000000003",),
        ),
        ([*names(2, 3), *of_second(4)], "", ("the archive lacks 00000002.history",)),
        (
            [*names(2, 3), *of_second(1)],
            "1\t0/1000098\tearlier\n",
            (ANOTHER,),
        ),
    ],
    ids=["whole", "left behind", "a gap", "the first one", "before", "history", "another"],
)
def test_a_gap_after_a_restore_is_named(
    tmp_path: Path, kept: list[str], history: str, problems: tuple[str, ...]
) -> None:
    base, archive = folders(tmp_path, *kept)
    if history:
        (archive / "00000002.history").write_text(history)
    assert read_folders(base, archive, segment_bytes=16 * MIB).problems == problems
    if history:
        packed = gzip.compress((archive / "00000002.history").read_bytes())
        (archive / "00000002.history.gz").write_bytes(packed)
        (archive / "00000002.history").unlink()
        assert read_folders(base, archive, segment_bytes=16 * MIB).problems == problems


def test_a_restore_that_was_tried_elsewhere_hides_no_gap(tmp_path: Path) -> None:
    base, archive = folders(tmp_path, *names(2, 3, 5), *of_second(4, 5))
    (archive / "00000002.history").write_text(HISTORY)
    read = read_folders(base, archive, segment_bytes=16 * MIB, last_archived=names(5)[0])
    assert read.problems == (f"the archive lacks the segment {names(4)[0]}",)


def test_the_history_of_a_timeline_is_no_segment_that_the_archive_lacks() -> None:
    assert found(archiver=replace(ARCHIVER, last_segment="00000002.history")) == []


def test_folders_that_are_not_there_are_named(tmp_path: Path) -> None:
    read = read_folders(tmp_path / "a", tmp_path / "b", segment_bytes=16 * MIB)
    assert read.problems == (f"{tmp_path / 'a'} is no folder", f"{tmp_path / 'b'} is no folder")


def test_pgbackrest_is_understood() -> None:
    backup = {"label": "20261129-090000F", "error": False, "timestamp": {"stop": 1795942800}}
    broken = {"label": "20261129-100000F", "error": True, "timestamp": {"stop": 1795946400}}
    document = [
        {
            "name": "tieout",
            "status": {"code": 0, "message": "ok"},
            "backup": [backup, broken],
            "archive": [{"id": "18-1", "max": "000000010000000000000005"}],
        }
    ]
    read = pgbackrest_backups(document, "tieout")
    assert (read.last_base, read.last_segment, read.problems) == (
        "20261129-090000F",
        "000000010000000000000005",
        (),
    )
    document[0]["status"] = {"code": 2, "message": "no valid backups"}
    assert pgbackrest_backups(document, "tieout").problems == ("pgBackRest: no valid backups",)
    with pytest.raises(Unavailable, match="nothing of the stanza other"):
        pgbackrest_backups(document, "other")


def test_barman_is_understood() -> None:
    done = {
        "backup_id": "20261129T090000",
        "status": "DONE",
        "end_time_timestamp": "1795942800",
    }
    failed = {"backup_id": "20261129T100000", "status": "FAILED"}
    assert barman_backups({"db": [done]}, "db").base_at == datetime.fromtimestamp(
        1795942800, tz=UTC
    )
    read = barman_backups({"db": [failed, done]}, "db")
    assert read.last_base == "20261129T090000"
    assert read.problems == ("barman: the backup 20261129T100000 failed",)
    with pytest.raises(Unavailable, match="nothing of the server other"):
        barman_backups({"db": [done]}, "other")


def test_a_program_that_fails_or_is_missing_is_named(tmp_path: Path) -> None:
    program = tmp_path / "pgbackrest"
    program.write_text("#!/bin/sh\necho 'no repository' >&2\nexit 55\n")
    program.chmod(0o755)
    with pytest.raises(Unavailable, match="ended with 55: no repository"):
        ask_pgbackrest(str(program), "tieout")
    with pytest.raises(Unavailable, match="gave no answer: FileNotFoundError"):
        ask_pgbackrest(str(tmp_path / "none"), "tieout")
