"""Models small enough to train here in place of a language model and of the Reporter, and their data."""
