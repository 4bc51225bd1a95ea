"""The real worker with little memory: what PyTorch takes to start, and so many MiB.

Arguments: the MiB, then the worker's own.
"""

import mmap
import resource
import sys
from pathlib import Path

from averse_worker.__main__ import main
from averse_worker.engine.registry import build_engine

build_engine("torch")
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + int(sys.argv[1]) * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    mmap.mmap(-1, limit).close()
except OSError:
    sys.exit(main(sys.argv[2:]))
# What the test asks for would really be had.
sys.exit(f"this system gives {limit} bytes to a process that may have no more")
