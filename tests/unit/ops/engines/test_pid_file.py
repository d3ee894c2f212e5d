"""The list of process ids is a help, never a reason to stop."""

import subprocess
import sys
from pathlib import Path

import pytest

from ops.engines.data_directory import open_data_directory
from ops.engines.pid_file import (
    PidBoard,
    board_path,
    end_supervisor,
    read_pids,
    supervising,
    supervisor_of,
)
from vocabulary.errors import Unavailable

#: Supervises a directory and does not end when it is told to.
SLOW = """
import signal, sys
from pathlib import Path
from ops.engines.data_directory import open_data_directory
from ops.engines.pid_file import supervising
signal.signal(signal.SIGTERM, signal.SIG_IGN)
with supervising(open_data_directory(Path(sys.argv[1]))):
    print("up", flush=True)
    while True:
        signal.pause()
"""


def test_a_list_that_cannot_be_written_stops_nobody_and_is_written_whole_later(
    tmp_path: Path,
) -> None:
    board = PidBoard(board_path(tmp_path))  # there is no place for it yet
    board.post("receiver", [1])
    assert read_pids(tmp_path) == {}

    board_path(tmp_path).parent.mkdir()
    board.post("worker", [2, 3])

    pids = read_pids(tmp_path)
    assert pids["receiver"] == [1]
    assert pids["worker"] == [2, 3]


def test_the_list_of_a_killed_supervisor_names_nobody_whose_number_it_has(
    tmp_path: Path,
) -> None:
    home = open_data_directory(tmp_path)
    board_path(tmp_path).write_text('{"supervisor": [1]}')
    board_path(tmp_path).with_suffix(".draft").mkdir()  # as if the disk were full

    with supervising(home), pytest.raises(Unavailable, match="whose process is not written"):
        supervisor_of(tmp_path)
    board_path(tmp_path).write_text('{"supervisor": [1]}')  # as it was left behind
    assert supervisor_of(tmp_path) is None


def test_a_supervisor_that_takes_long_to_stop_is_waited_for_and_named(tmp_path: Path) -> None:
    open_data_directory(tmp_path)
    argv = [sys.executable, "-c", SLOW, str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        try:
            with pytest.raises(Unavailable, match=f"process {process.pid}.* has not ended"):
                end_supervisor(tmp_path, timeout_s=0.1)
            assert process.poll() is None
        finally:
            process.kill()

    end_supervisor(tmp_path, timeout_s=0.1)  # none runs
