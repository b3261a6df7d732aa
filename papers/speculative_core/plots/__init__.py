"""Figures on speculative decoding, one module each, drawn from evidence only."""
