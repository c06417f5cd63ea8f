"""Lets a tuned model leave: merged, checked against base and adapter, in a form that other tools read."""
