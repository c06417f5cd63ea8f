"""The first schema: documents, chunks, taught chunks, questions, answers, teacher calls."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates the tables as they were in version 0001 (written out: later versions must not change this one)."""
    op.create_table(
        "documents",
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("media_type", sa.String(100), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("headings", sa.JSON, nullable=False),
        sa.Column("page_starts", sa.JSON, nullable=False),
        sa.Column("coverage", sa.JSON, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_documents"),
    )
    op.create_index("ix_documents_sha256", "documents", ["sha256"])
    op.create_table(
        "chunks",
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("plan", sa.String(64), nullable=False),
        sa.Column("document_id", sa.String(16), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("start_char", sa.Integer, nullable=False),
        sa.Column("end_char", sa.Integer, nullable=False),
        sa.Column("headings", sa.JSON, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", "plan", name="pk_chunks"),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], name="fk_chunks_document_id_documents"),
    )
    op.create_index("ix_chunks_document_id", "chunks", ["document_id"])
    _create_teaching_tables()


def _create_teaching_tables() -> None:
    op.create_table(
        "taught_chunks",
        sa.Column("chunk_id", sa.String(16), nullable=False),
        sa.Column("plan", sa.String(64), nullable=False),
        sa.Column("num_asked", sa.Integer, nullable=False),
        sa.Column("num_facts", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("chunk_id", "plan", name="pk_taught_chunks"),
    )
    op.create_table(
        "questions",
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("plan", sa.String(64), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("chunk_id", sa.String(16), nullable=False),
        sa.Column("fact_id", sa.String(16), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("tag", sa.Text, nullable=False),
        sa.Column("held_out", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", "plan", name="pk_questions"),
    )
    op.create_index("ix_questions_chunk_id", "questions", ["chunk_id"])
    op.create_index("ix_questions_fact_id", "questions", ["fact_id"])
    op.create_table(
        "answers",
        sa.Column("fact_id", sa.String(16), nullable=False),
        sa.Column("plan", sa.String(64), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("reasoning", sa.Text, nullable=False),
        sa.Column("quote_start", sa.Integer, nullable=False),
        sa.Column("quote_end", sa.Integer, nullable=False),
        sa.Column("teacher", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("fact_id", "plan", name="pk_answers"),
    )
    op.create_table(
        "teacher_calls",
        sa.Column("request_sha256", sa.String(64), nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("reply", sa.Text, nullable=False),
        sa.Column("prompt_tokens", sa.Integer, nullable=False),
        sa.Column("completion_tokens", sa.Integer, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("request_sha256", name="pk_teacher_calls"),
    )
