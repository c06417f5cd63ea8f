"""How the threads of a computation wait for one another: asleep, so that a busy machine does not stop them all."""

from __future__ import annotations

import os


def let_waiting_threads_sleep() -> None:
    """Sets OpenMP's policy for this process and its children; a policy that the user set stays. Call before torch.

    Threads that spin hold the core that the thread they wait for needs. Measured with `benchmarks/cpu/waiting.py` on
    two cores, one of them busy with something else: 4.1 s a step spinning, 0.3 s asleep.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
