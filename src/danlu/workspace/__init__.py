"""A workspace folder: one database for what people edit, plain folders with cards for what machines write; no torch."""

from danlu.workspace.store import Workspace

__all__ = ["Workspace"]
