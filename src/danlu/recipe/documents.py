"""Knobs of `ingest` and `chunk`: which documents, and how large their chunks are."""

from __future__ import annotations

from pydantic import Field, model_validator

from danlu.recipe.knobs import Knobs


class ChunkKnobs(Knobs):
    """Sizes of chunks, in characters."""

    min_chars: int = Field(default=800, ge=1)
    """Smallest chunk aimed at; a shorter document is one chunk."""

    max_chars: int = Field(default=1500, ge=50)
    """Largest chunk; only a table row or code block that is longer by itself exceeds it, and is reported."""

    @model_validator(mode="after")
    def _ordered(self) -> ChunkKnobs:
        if self.min_chars > self.max_chars:
            raise ValueError("min_chars must not be larger than max_chars")
        return self


class DocumentsKnobs(Knobs):
    """The documents a domain model grows from."""

    paths: list[str] = Field(min_length=1)
    """Files and folders (md, txt, html, docx, pdf); a folder is read with its subfolders."""

    chunk: ChunkKnobs = ChunkKnobs()
    """How documents are split."""
