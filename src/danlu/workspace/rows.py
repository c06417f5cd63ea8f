"""What the database holds, as the words of `types`: documents, chunks, questions with answers, teacher calls.

Writing is idempotent: a row that is there already is left alone, so a stage that was killed is simply run again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Engine, Table, delete, insert, select

from danlu.types import Chunk, Document, Heading, Question
from danlu.workspace import tables

_IDS_PER_QUERY = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The answer to a fact, and the span of the document that proves it."""

    fact_id: str
    text: str
    reasoning: str
    quote_start: int
    quote_end: int
    teacher: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TeacherCall:
    """One paid call: what it said and what it took."""

    request_sha256: str
    model: str
    reply: str
    prompt_tokens: int
    completion_tokens: int


class Rows:
    """Reads and writes of the workspace database. Safe for several threads and processes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # Documents

    def document_ids(self) -> set[str]:
        """The ids of all documents."""
        with self._engine.connect() as connection:
            return set(connection.execute(select(tables.documents.c.id)).scalars())

    def save_document(self, document: Document, coverage: dict[str, object]) -> None:
        """Adds a document unless it is there."""
        if document.id in self.document_ids():
            return
        row = {**asdict(document), "headings": [asdict(heading) for heading in document.headings]}
        row |= {"page_starts": list(document.page_starts), "coverage": coverage, "created_at": time.time()}
        with self._engine.begin() as connection:
            connection.execute(insert(tables.documents), row)

    def documents(self, ids: Sequence[str]) -> list[Document]:
        """The documents of these ids, in their order; unknown ids are left out."""
        found = {row["id"]: _document(row) for row in self._select(tables.documents, "id", ids)}
        return [found[id] for id in ids if id in found]

    def coverage(self, ids: Sequence[str]) -> dict[str, dict[str, object]]:
        """What was read, kept and dropped of each document."""
        return {row["id"]: row["coverage"] for row in self._select(tables.documents, "id", ids)}

    # Chunks

    def save_chunks(self, plan: str, chunks: Sequence[Chunk]) -> None:
        """Adds one document's chunks of a plan, all or none; what stood there of the same document and plan goes."""
        if not chunks:
            return
        table = tables.chunks
        with self._engine.begin() as connection:
            mine = (table.c.document_id == chunks[0].document_id) & (table.c.plan == plan)
            connection.execute(delete(table).where(mine))
            rows = [{**asdict(chunk), "headings": list(chunk.headings), "plan": plan} for chunk in chunks]
            connection.execute(insert(table), rows)

    def chunks(self, document_ids: Sequence[str], plan: str) -> list[Chunk]:
        """The chunks of these documents under a plan, by document and position."""
        order = {id: index for index, id in enumerate(document_ids)}
        found = [_chunk(row) for row in self._select(tables.chunks, "document_id", document_ids, plan)]
        return sorted(found, key=lambda chunk: (order[chunk.document_id], chunk.position))

    # Questions and answers

    def taught(self, chunk_ids: Sequence[str], plan: str) -> dict[str, tuple[int, int]]:
        """The chunks a teacher has finished under a plan: facts asked for and facts found, by chunk id."""
        rows = self._select(tables.taught_chunks, "chunk_id", chunk_ids, plan)
        return {row["chunk_id"]: (row["num_asked"], row["num_facts"]) for row in rows}

    def save_taught(
        self, plan: str, chunk_id: str, questions: Sequence[Question], answers: Sequence[Answer], *, num_asked: int
    ) -> None:
        """Adds all that a teacher made of one chunk, and that it is finished, in one transaction."""
        with self._engine.begin() as connection:
            for table in (tables.questions, tables.taught_chunks):
                connection.execute(delete(table).where((table.c.chunk_id == chunk_id) & (table.c.plan == plan)))
            facts = [answer.fact_id for answer in answers]
            old = tables.answers
            connection.execute(delete(old).where(old.c.fact_id.in_(facts) & (old.c.plan == plan)))
            if questions:
                rows = [{**asdict(row), "plan": plan, "position": index} for index, row in enumerate(questions)]
                connection.execute(insert(tables.questions), rows)
                connection.execute(insert(tables.answers), [{**asdict(row), "plan": plan} for row in answers])
            finished = {"chunk_id": chunk_id, "plan": plan, "num_asked": num_asked, "num_facts": len(answers)}
            connection.execute(insert(tables.taught_chunks), finished)

    def questions(self, chunk_ids: Sequence[str], plan: str) -> list[Question]:
        """The questions of these chunks under a plan, by chunk and position."""
        order = {id: index for index, id in enumerate(chunk_ids)}
        rows = list(self._select(tables.questions, "chunk_id", chunk_ids, plan))
        rows.sort(key=lambda row: (order[row["chunk_id"]], row["position"]))
        return [Question(**{name: row[name] for name in Question.__dataclass_fields__}) for row in rows]

    def answers(self, fact_ids: Sequence[str], plan: str) -> dict[str, Answer]:
        """The answers to these facts under a plan, by fact id."""
        rows = self._select(tables.answers, "fact_id", fact_ids, plan)
        return {row["fact_id"]: Answer(**{name: row[name] for name in Answer.__dataclass_fields__}) for row in rows}

    # Teacher calls

    def teacher_call(self, request_sha256: str) -> TeacherCall | None:
        """What was said to this very request, if it was ever made."""
        for row in self._select(tables.teacher_calls, "request_sha256", [request_sha256]):
            return TeacherCall(**{name: row[name] for name in TeacherCall.__dataclass_fields__})
        return None

    def save_teacher_call(self, call: TeacherCall) -> None:
        """Keeps a reply, before anything is made of it."""
        table = tables.teacher_calls
        with self._engine.begin() as connection:
            connection.execute(delete(table).where(table.c.request_sha256 == call.request_sha256))
            connection.execute(insert(table), {**asdict(call), "created_at": time.time()})

    def _select(self, table: Table, column: str, values: Iterable[str], plan: str = "") -> Iterator[dict]:
        """Rows whose `column` is one of `values`, a few hundred values a query."""
        wanted = list(values)
        with self._engine.connect() as connection:
            for start in range(0, len(wanted), _IDS_PER_QUERY):
                query = select(table).where(table.c[column].in_(wanted[start : start + _IDS_PER_QUERY]))
                if plan:
                    query = query.where(table.c.plan == plan)
                yield from (dict(row) for row in connection.execute(query).mappings())


def _document(row: dict) -> Document:
    fields = {name: row[name] for name in Document.__dataclass_fields__}
    headings = tuple(Heading(**heading) for heading in row["headings"])
    return Document(**{**fields, "headings": headings, "page_starts": tuple(row["page_starts"])})


def _chunk(row: dict) -> Chunk:
    fields = {name: row[name] for name in Chunk.__dataclass_fields__}
    return Chunk(**{**fields, "headings": tuple(row["headings"])})
