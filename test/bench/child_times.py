"""How long programs take, measured side by side: one round is one start of each, in turn.

    python child_times.py ROUNDS '{"name": ["program", "argument"], …}'

Prints {name: {"wall_ms": [...], "cpu_ms": [...]}}; CPU is user and system time of all its threads.
"""

import json
import os
import subprocess
import sys
import time


def measured(argv: list[str]) -> tuple[float, float]:
    """Wall and CPU milliseconds of one start."""
    begun = time.perf_counter()
    child = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - begun
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{' '.join(argv)} ended with {child.returncode}")
    return 1000 * wall, 1000 * (usage.ru_utime + usage.ru_stime)


rounds, programs = int(sys.argv[1]), json.loads(sys.argv[2])
times: dict[str, dict[str, list[float]]] = {
    name: {"wall_ms": [], "cpu_ms": []} for name in programs
}
# The first one fills caches.
for nth in range(-1, rounds):
    for name, argv in programs.items():
        wall, cpu = measured(argv)
        if nth >= 0:
            times[name]["wall_ms"].append(round(wall, 2))
            times[name]["cpu_ms"].append(round(cpu, 2))
print(json.dumps(times))
