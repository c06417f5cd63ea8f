"""Questions, answers and rows become a frozen dataset: synthesize, ready rows, split, freeze."""
