"""Transformers whose weights are written down instead of trained."""
