"""`danlu ingest`: the stages from ingest to chunk."""

from __future__ import annotations

from danlu.cli.console.stage_verb import stage_verb

ingest = stage_verb("ingest", "chunk")
