"""Threads that wait sleep, unless the user said otherwise."""

from __future__ import annotations

import os

from danlu.jobs.threads import let_waiting_threads_sleep


def test_waiting_threads_sleep_unless_the_user_set_a_policy(monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    let_waiting_threads_sleep()
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    let_waiting_threads_sleep()
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"
