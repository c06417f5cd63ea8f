"""Knobs of `freeze`: where rows come from besides documents, and how they are split."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from danlu.recipe.knobs import Knobs

RowFormat = Literal["auto", "sharegpt", "messages", "huatuo", "medical-o1", "input-target", "alpaca", "text"]


class SplitKnobs(Knobs):
    """Shares of the splits; they add up to 1."""

    train: float = Field(default=0.8, gt=0, le=1)
    """Share that is trained."""

    validation: float = Field(default=0.1, ge=0, lt=1)
    """Share watched during training, never trained."""

    test: float = Field(default=0.1, ge=0, lt=1)
    """Share that no stage sees before evaluation, pretraining of the base included: `unseen`."""

    by: Literal["document", "chunk", "row"] = "document"
    """What is dealt whole: documents (at least 3 are needed), chunks, or single rows. Rows read from `dataset.paths`
    have no documents and are dealt by row."""

    @model_validator(mode="after")
    def _whole(self) -> SplitKnobs:
        if abs(self.train + self.validation + self.test - 1) > 1e-6:
            raise ValueError("train + validation + test must add up to 1")
        return self


class DatasetKnobs(Knobs):
    """A frozen, versioned dataset."""

    name: str = Field(default="", pattern=r"^[\w.-]*$")
    """Its name; empty takes the recipe's."""

    paths: list[str] = []
    """Files of ready rows (json, jsonl, csv, txt), in addition to or instead of documents."""

    format: RowFormat = "auto"
    """Shape of those rows; `auto` looks at the first rows and says what it found."""

    split: SplitKnobs = SplitKnobs()
    """How rows are dealt to train, validation and test."""

    max_samples: int | None = Field(default=None, ge=1)
    """Take at most so many rows of the files and so many facts of the documents; the rest is counted and left alone."""

    seed: int = 42
    """Decides which documents or rows fall into which split."""
