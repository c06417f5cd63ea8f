"""What every verb shares: its options, progress on stderr, results on stdout, and the way from a verb to jobs."""
