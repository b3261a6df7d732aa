"""Figures of Sparse-to-Dense."""
