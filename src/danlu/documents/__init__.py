"""From files to chunks: reading every supported format, and splitting at natural boundaries; no torch."""
