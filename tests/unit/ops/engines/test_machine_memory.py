"""The embedded server is sized from the machine, or from the container around it."""

from pathlib import Path

from ops.engines.machine_memory import memory_bytes
from ops.engines.postgres_memory import memory_settings

GIB = 2**30


def _machine(root: Path, gib: int, cgroup: str, limits: dict[str, str]) -> Path:
    """A folder with what Linux says about its memory."""
    files = {
        "proc/meminfo": f"MemTotal:       {gib * GIB // 1024} kB\nMemFree: 7 kB\n",
        "proc/self/cgroup": cgroup,
        **{f"sys/fs/cgroup/{name}": f"{limit}\n" for name, limit in limits.items()},
    }
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


def test_without_a_limit_it_is_that_of_the_machine(tmp_path: Path) -> None:
    root = _machine(tmp_path, 24, "0::/user\n", {"memory.max": "max", "user/memory.max": "max"})

    assert memory_bytes(root) == 24 * GIB


def test_the_smallest_limit_of_a_group_and_those_above_counts(tmp_path: Path) -> None:
    limits = {"shop/memory.max": str(2 * GIB), "shop/wallet/memory.max": str(3 * GIB)}

    assert memory_bytes(_machine(tmp_path, 24, "0::/shop/wallet\n", limits)) == 2 * GIB


def test_groups_of_version_one_and_of_a_container_are_read(tmp_path: Path) -> None:
    cgroup = "5:cpu:/docker/7\n4:memory:/docker/7\n"
    root = _machine(tmp_path, 24, cgroup, {"memory/memory.limit_in_bytes": str(GIB)})

    assert memory_bytes(root) == GIB


def test_the_server_gets_an_eighth_within_bounds() -> None:
    def sizes(gib: float) -> dict[str, str]:
        lines = memory_settings(int(gib * GIB)).splitlines()
        return dict(line.split(" = ") for line in lines)

    assert sizes(24) == {
        "shared_buffers": "3072MB",
        "effective_cache_size": "12288MB",
        "maintenance_work_mem": "384MB",
        "work_mem": "64MB",
    }
    assert sizes(0.25)["shared_buffers"] == "64MB"
    assert sizes(1)["work_mem"] == "4MB"
    assert sizes(256)["shared_buffers"] == "4096MB"
