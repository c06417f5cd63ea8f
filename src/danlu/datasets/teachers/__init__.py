"""Who reads a chunk and proposes questions with answers."""
