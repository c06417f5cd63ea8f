"""Danlu (丹炉): from documents to a domain model that answers, and proves that it got better."""

__version__ = "0.1.0"
