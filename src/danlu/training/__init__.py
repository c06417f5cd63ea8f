"""Training: the base, the loop, its optimizer, checkpoints and methods."""
