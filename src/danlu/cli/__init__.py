"""The command line: one file per verb; imports only jobs and the ground floor, and no torch."""
