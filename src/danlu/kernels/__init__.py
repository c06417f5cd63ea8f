"""Hand-derived kernels of training, each with a plain reference beside it; they know no stage."""
