"""Compiled and hand-derived kernels, each with a plain reference; know nothing of stages."""
