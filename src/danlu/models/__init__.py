"""Models as tools: load, attention over packed rows, adapters, scoring, generation, and the embedded tiny one."""
