"""Graphon mean-field games: graphons, games, and the exact quantities of a policy."""
