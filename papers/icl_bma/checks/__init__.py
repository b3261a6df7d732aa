"""Claims, one topic per file."""
