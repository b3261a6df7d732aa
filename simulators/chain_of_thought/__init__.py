"""Sampling of demonstrations, stepwise generation, and Monte Carlo of prompting errors."""
