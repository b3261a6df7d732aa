"""Attention between frames, reweighted in batches: compiled loops, and a processor for diffusers."""
