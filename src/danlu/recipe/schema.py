"""The whole recipe: one group of knobs per stage."""

from __future__ import annotations

from pydantic import Field, model_validator

from danlu.recipe.dataset import DatasetKnobs
from danlu.recipe.documents import DocumentsKnobs
from danlu.recipe.evaluate import EvaluateKnobs
from danlu.recipe.export import ExportKnobs
from danlu.recipe.knobs import Knobs
from danlu.recipe.model import ModelKnobs
from danlu.recipe.synthesize import SynthesizeKnobs
from danlu.recipe.train import TrainKnobs


class Recipe(Knobs):
    """From documents or rows to an exported model."""

    name: str = Field(pattern=r"^[\w.-]+$")
    """Names the runs, exports and reports: letters, digits, `.`, `_`, `-`."""

    documents: DocumentsKnobs | None = None
    """Documents to make questions from."""

    synthesize: SynthesizeKnobs = SynthesizeKnobs()
    """How questions and answers are made."""

    dataset: DatasetKnobs = DatasetKnobs()
    """Ready rows, and how everything is split."""

    model: ModelKnobs = ModelKnobs()
    """The model to start from."""

    train: TrainKnobs = TrainKnobs()
    """How it is trained."""

    evaluate: EvaluateKnobs = EvaluateKnobs()
    """How it is examined."""

    export: ExportKnobs = ExportKnobs()
    """How it leaves."""

    @model_validator(mode="after")
    def _has_rows(self) -> Recipe:
        if self.documents is None and not self.dataset.paths:
            raise ValueError("a recipe needs documents.paths or dataset.paths")
        return self

    @property
    def dataset_name(self) -> str:
        """The dataset's name: its own, or the recipe's."""
        return self.dataset.name or self.name
