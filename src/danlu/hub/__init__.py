"""Names of models -> local folders: a path, or a hub's snapshot; no torch."""
