"""Claims of LongSpec, by topic."""
