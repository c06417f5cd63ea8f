"""An append-only file of finished work, one JSON line each: what a killed stage finds again; no torch.

Lines of another key (another model, dataset or knob) and a line that a kill cut off are removed at opening.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from danlu.artifacts import write_durably


class Ledger:
    """The rows of one key; `rows` holds all of them, oldest first."""

    def __init__(self, path: Path, key: str) -> None:
        self._path, self._key = path, key
        self.rows: list[dict] = []
        if not path.exists():
            return
        # Not splitlines(): an answer may hold U+2028, which ends a line for it but not for JSON.
        *lines, torn = path.read_text(encoding="utf-8", errors="replace").split("\n")
        kept = [line for line in lines if self._is_mine(line)]
        self.rows = [json.loads(line)["row"] for line in kept]
        if torn or len(kept) != len(lines):
            write_durably(path, "".join(f"{line}\n" for line in kept))

    def append(self, rows: Sequence[dict]) -> None:
        """Adds rows; once this returns, a crash cannot take them back."""
        text = "".join(json.dumps({"key": self._key, "row": row}, ensure_ascii=False) + "\n" for row in rows)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        self.rows.extend(rows)

    def _is_mine(self, line: str) -> bool:
        try:
            return json.loads(line)["key"] == self._key
        except (ValueError, KeyError, TypeError):
            return False
