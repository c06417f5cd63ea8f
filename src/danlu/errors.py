"""One tree of exceptions: what went wrong, where, and what to do; no torch.

    DanluError                    everything below; shown without a traceback
    ├── UsageError                the user's mistake; nothing was done (exit code 2)
    │   ├── RecipeError           a recipe's key, value or file
    │   ├── InputError            a document, dataset or folder that cannot be used as it is
    │   └── BusyError             the same run is at work already
    └── FailedError               it ran and failed (exit code 1)
        ├── TeacherError          the teacher did not answer, or not usably
        ├── ArtifactError         a file written earlier is missing, damaged or not what its card says
        ├── ModelError            a model, adapter or tokenizer that does not fit
        └── DiskError             writing failed: disk full, limit reached, no permission

Messages live in the catalog: `error.KEY` says what, `error.KEY.hint` says what to do. Any other exception is a bug and
shows its traceback.
"""

from __future__ import annotations

from danlu.messages import has, t


class DanluError(Exception):
    """What went wrong (`key` and `params` of the catalog) and where (a path, `file:line`, or an address)."""

    exit_code = 1

    def __init__(self, key: str, *, where: str = "", **params: object) -> None:
        super().__init__(key)
        self.key = key
        self.where = where
        self.params = params

    @property
    def what(self) -> str:
        """What went wrong, in the current language."""
        return t(f"error.{self.key}", **self.params)

    @property
    def hint(self) -> str:
        """What to do about it; empty where the sentence itself says so."""
        key = f"error.{self.key}.hint"
        return t(key, **self.params) if has(key) else ""

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        hint = f"\n{t('error.hint')} {self.hint}" if self.hint else ""
        return f"{place}{self.what}{hint}"


class UsageError(DanluError):
    """The user's mistake; nothing was done."""

    exit_code = 2


class RecipeError(UsageError):
    """A recipe's key, value or file."""


class InputError(UsageError):
    """A document, dataset or folder that cannot be used as it is."""


class BusyError(UsageError):
    """The same run is at work already."""


class FailedError(DanluError):
    """It ran and failed."""


class TeacherError(FailedError):
    """The teacher did not answer, or not usably."""


class ArtifactError(FailedError):
    """A file written earlier is missing, damaged or not what its card says."""


class ModelError(FailedError):
    """A model, adapter or tokenizer that does not fit."""


class DiskError(FailedError):
    """Writing failed: disk full, limit reached, no permission."""
