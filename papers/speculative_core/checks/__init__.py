"""Claims on speculative decoding, one module per topic."""
