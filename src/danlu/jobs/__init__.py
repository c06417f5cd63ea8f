"""Runs any stage: here or in the background, recorded, stoppable, watchable; no torch before a stage asks for it."""
