"""How the threads of a computation wait for one another: asleep, so that a busy machine does not stop them all."""

from __future__ import annotations

import os


def let_waiting_threads_sleep() -> None:
    """Sets OpenMP's policy for this process and its children; a policy that the user set stays. Call before torch.

    Threads that spin hold the core that the thread they wait for needs. Two runs of `benchmarks/cpu/waiting.py` on two
    shared cores gave, beside a busy process, 0.6 and 4.1 s a step spinning, and 0.267 s asleep (one run). On idle cores
    sleeping costs: 0.30 against 0.22 s a step.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
