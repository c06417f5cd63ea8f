"""`danlu export`: the stages from export to report."""

from __future__ import annotations

from danlu.cli.console.stage_verb import stage_verb

export = stage_verb("export", "report")
