"""Samples from documents or from files that exist: synthesis, review, formats, cleaning, splits, freezing; no torch."""
