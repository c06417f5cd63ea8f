"""Places to call `danlu` in: an empty one for each test, and one whole way that all tests share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

for _room in ("journeys", "remote"):
    sys.path.append(str(Path(__file__).parents[1] / _room))

from small_path import Outcome, Place, copied, new_place, whole_way  # noqa: E402 - found only now


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """The sample documents and a small recipe; no workspace yet."""
    return new_place(tmp_path / "place")


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> tuple[Place, Outcome]:
    """An uninterrupted run with what it printed; not to be changed."""
    return whole_way(tmp_path_factory.getbasetemp())


@pytest.fixture
def copy(finished, tmp_path: Path) -> Place:
    """A copy of the uninterrupted run, to do with as a test pleases."""
    return copied(finished[0], tmp_path / "copy")
