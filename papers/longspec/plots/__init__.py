"""Figures of LongSpec."""
