"""The list of process ids is a help, never a reason to stop."""

from pathlib import Path

from ops.engines.data_directory import open_data_directory
from ops.engines.pid_file import PidBoard, board_path, read_pids, supervising, supervisor_of


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

    with supervising(home):
        assert supervisor_of(tmp_path) is None
