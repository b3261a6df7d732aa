"""Claims of Sparse-to-Dense, by topic."""
