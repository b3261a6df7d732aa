"""Small transformers with every kind of attention in JAX, their training text, and what is seen in them."""
