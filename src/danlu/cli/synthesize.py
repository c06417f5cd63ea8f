"""`danlu synthesize`: the stages from synthesize to freeze."""

from __future__ import annotations

from danlu.cli.console.stage_verb import stage_verb

synthesize = stage_verb("synthesize", "freeze")
