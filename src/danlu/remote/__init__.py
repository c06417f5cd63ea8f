"""Speaks to models at other addresses over HTTP; no torch."""
