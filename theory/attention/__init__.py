"""Attention sinks: small transformers, their attention maps and what is exact about them."""
