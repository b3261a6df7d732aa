"""Bounds, rates, divergences and exact small-instance computations: pure functions in float64."""
