"""What a process costs."""
import pathlib
import time


def cpu_ns(pid):
    """CPU time of a process with all its threads, the ended ones included: its own CPU clock."""
    return time.clock_gettime_ns((~pid << 3) | 2)


def wait_ns(pid):
    """How long its threads were ready to run and had no core."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[1])
    return total


def memory(pid, field="Anonymous"):
    """Bytes of one line of smaps_rollup. Anonymous: what the process has for itself, without files."""
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"no {field} in smaps_rollup")
