"""Seconds a training step of the tiny model, alone and beside a busy process, with waiting threads spinning or asleep.

usage: python benchmarks/cpu/waiting.py      (about a minute; prints a table)
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

SECONDS = 12


def step_seconds() -> float:
    """Mean time of a forward and backward of 4 x 128 tokens on two threads."""
    import numpy as np
    import torch

    from danlu.models.score import packed_loss
    from danlu.models.tiny import build_model
    from danlu.text.collate import collate
    from danlu.text.render import TokenizedSample

    torch.set_num_threads(2)
    model = build_model(vocabulary_size=1712, hidden_size=256, num_layers=4, seed=0).train()
    draw = np.random.default_rng(0)
    rows = [
        TokenizedSample(ids_T=draw.integers(3, 1700, 128, dtype=np.int32), loss_mask_T=np.ones(128, bool))
        for _ in range(4)
    ]
    batch = collate(rows)
    steps, started = 0, time.perf_counter()
    while time.perf_counter() - started < SECONDS:
        loss, _ = packed_loss(model, batch)
        loss.backward()
        model.zero_grad()
        steps += 1
    return (time.perf_counter() - started) / steps


def main() -> None:
    busy = "while True: pass"
    for beside in (False, True):
        other = subprocess.Popen([sys.executable, "-c", busy]) if beside else None
        for policy in ("ACTIVE", "PASSIVE"):
            command = [sys.executable, __file__, "step"]
            out = subprocess.run(command, env=os.environ | {"OMP_WAIT_POLICY": policy}, capture_output=True, text=True)
            print(f"{'beside a busy process' if beside else 'alone':24}{policy:10}{out.stdout.strip()} s a step")
        if other:
            other.kill()


if __name__ == "__main__":
    print(f"{step_seconds():.3f}") if sys.argv[1:] == ["step"] else main()
