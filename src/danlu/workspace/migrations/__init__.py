"""Alembic's folder: how the database of an older version becomes today's."""
