"""Examines base and tuned model on what was trained, reworded and never seen, and writes the report."""
