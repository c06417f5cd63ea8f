"""`danlu evaluate`: the stages from evaluate to report."""

from __future__ import annotations

from danlu.cli.console.stage_verb import stage_verb

evaluate = stage_verb("evaluate", "report")
