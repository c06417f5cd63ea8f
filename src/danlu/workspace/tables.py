"""The tables of the workspace database, with named constraints so that migrations can find them."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Float, ForeignKey, Integer, MetaData, String, Table, Text

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMING)

documents = Table(
    "documents",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("title", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("sha256", String(64), nullable=False, index=True),
    Column("media_type", String(100), nullable=False),
    Column("text", Text, nullable=False),
    Column("headings", JSON, nullable=False),
    Column("page_starts", JSON, nullable=False),
    Column("coverage", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
)

# `plan` is the hash of the knobs that made a row: other sizes make other chunks beside the old ones.
chunks = Table(
    "chunks",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("plan", String(64), primary_key=True),
    Column("document_id", String(16), ForeignKey("documents.id"), nullable=False, index=True),
    Column("position", Integer, nullable=False),
    Column("start_char", Integer, nullable=False),
    Column("end_char", Integer, nullable=False),
    Column("headings", JSON, nullable=False),
    Column("text", Text, nullable=False),
)

# One row per chunk that a teacher has finished with, so that a chunk without facts is not asked again.
taught_chunks = Table(
    "taught_chunks",
    metadata,
    Column("chunk_id", String(16), primary_key=True),
    Column("plan", String(64), primary_key=True),
    Column("num_asked", Integer, nullable=False),
    Column("num_facts", Integer, nullable=False),
)

questions = Table(
    "questions",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("plan", String(64), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("chunk_id", String(16), nullable=False, index=True),
    Column("fact_id", String(16), nullable=False, index=True),
    Column("text", Text, nullable=False),
    Column("tag", Text, nullable=False),
    Column("held_out", Boolean(name="held_out"), nullable=False),
)

# The answer to a fact; all wordings of the fact share it. The quote is a span of the document.
answers = Table(
    "answers",
    metadata,
    Column("fact_id", String(16), primary_key=True),
    Column("plan", String(64), primary_key=True),
    Column("text", Text, nullable=False),
    Column("reasoning", Text, nullable=False),
    Column("quote_start", Integer, nullable=False),
    Column("quote_end", Integer, nullable=False),
    Column("teacher", Text, nullable=False),
)

# What a paid teacher said, by the hash of what it was asked: nothing is paid for twice.
teacher_calls = Table(
    "teacher_calls",
    metadata,
    Column("request_sha256", String(64), primary_key=True),
    Column("model", Text, nullable=False),
    Column("reply", Text, nullable=False),
    Column("prompt_tokens", Integer, nullable=False),
    Column("completion_tokens", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
)
