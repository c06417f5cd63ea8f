"""`danlu train`: the stages from base to train."""

from __future__ import annotations

from danlu.cli.console.stage_verb import stage_verb

train = stage_verb("base", "train")
