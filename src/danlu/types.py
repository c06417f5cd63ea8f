"""The words of the house: the rows that documents turn into, as frozen data; no torch, no I/O.

    Document -> Chunk -> Question -> Sample -> Dataset

Every row says where it came from. Identifiers are content hashes, so the same input gives the same rows on every
machine. Character positions count Unicode code points and are half-open: `text[start_char:end_char]`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal, Protocol

Role = Literal["system", "user", "assistant", "tool"]

# How a sample may be used. `train`, `validation`, `test` are dealt by whole documents where documents are known.
# `learned` holds other wordings of facts that were trained; `test` holds documents that no stage has seen ("unseen").
Split = Literal["train", "validation", "test", "learned"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test", "learned")


def content_id(*parts: str) -> str:
    """Sixteen hex digits naming a content: the head of the SHA-256 of its parts, joined by an unused separator."""
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True, slots=True)
class Heading:
    """A heading inside a document's text: its level (1 is the highest) and the span of its line."""

    level: int
    text: str
    start_char: int
    end_char: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """One source file as text. `page_starts` holds the first character of each page, empty where there are no pages."""

    id: str
    title: str
    source: str
    sha256: str
    media_type: str
    text: str
    headings: tuple[Heading, ...] = ()
    page_starts: tuple[int, ...] = ()

    def page_of(self, char: int) -> int | None:
        """The 1-based page on which a character stands; None for a format without pages."""
        if not self.page_starts:
            return None
        return max(1, sum(1 for start in self.page_starts if start <= char))


@dataclass(frozen=True, kw_only=True, slots=True)
class Chunk:
    """A span of one document: `text` is exactly `document.text[start_char:end_char]`."""

    id: str
    document_id: str
    position: int
    start_char: int
    end_char: int
    headings: tuple[str, ...]
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """What a teacher proposes for a chunk: one question in several wordings, its answer, and the quote that proves it.

    `quote_start:quote_end` is a span of the chunk's text. The first wording is the plainest.
    """

    wordings: tuple[str, ...]
    answer: str
    quote_start: int
    quote_end: int
    tag: str = ""
    reasoning: str = ""


class Teacher(Protocol):
    """Who reads a chunk and proposes questions with answers; `identity` names model and settings for the cache."""

    identity: str

    def teach(self, chunk: Chunk, document: Document, *, count: int, wordings: int) -> list[Fact]:
        """At most `count` facts of this chunk, each asked in up to `wordings` ways. Raises TeacherError."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """One wording of one fact. `held_out` wordings are kept for evaluation and never trained."""

    id: str
    chunk_id: str
    fact_id: str
    text: str
    tag: str
    held_out: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """Where a sample came from: a span of a document, or a row of a file (`source`, 1-based `row`)."""

    source: str = ""
    row: int | None = None
    document_id: str = ""
    chunk_id: str = ""
    question_id: str = ""
    fact_id: str = ""
    start_char: int | None = None
    end_char: int | None = None
    page: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One turn. `reasoning` is the assistant's chain of thought, kept apart from what it says."""

    role: Role
    content: str
    reasoning: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class TextSample:
    """Plain text for continued pretraining."""

    id: str
    text: str
    provenance: Provenance = Provenance()
    kind: Literal["text"] = "text"


@dataclass(frozen=True, kw_only=True, slots=True)
class ChatSample:
    """A dialogue for supervised fine-tuning; every assistant turn is trained."""

    id: str
    messages: tuple[Message, ...]
    tag: str = ""
    provenance: Provenance = Provenance()
    kind: Literal["chat"] = "chat"


@dataclass(frozen=True, kw_only=True, slots=True)
class PreferenceSample:
    """A prompt with a better and a worse reply, for preference training."""

    id: str
    prompt: tuple[Message, ...]
    chosen: Message
    rejected: Message
    margin: float | None = None
    provenance: Provenance = Provenance()
    kind: Literal["preference"] = "preference"


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedbackSample:
    """A dialogue whose last reply was judged good or bad."""

    id: str
    messages: tuple[Message, ...]
    desirable: bool
    provenance: Provenance = Provenance()
    kind: Literal["feedback"] = "feedback"


@dataclass(frozen=True, kw_only=True, slots=True)
class PromptSample:
    """A prompt with a reference answer, for reinforcement learning."""

    id: str
    prompt: tuple[Message, ...]
    reference: str
    provenance: Provenance = Provenance()
    kind: Literal["prompt"] = "prompt"


Sample = TextSample | ChatSample | PreferenceSample | FeedbackSample | PromptSample
