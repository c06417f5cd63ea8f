"""One reading of the machine: which device computes, in which precision, and how much it holds."""
