"""A teacher's server for each test that wants one."""

from __future__ import annotations

import pytest
from loopback import LoopbackTeacher


@pytest.fixture
def teacher_server():
    with LoopbackTeacher() as server:
        yield server
