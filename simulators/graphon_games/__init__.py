"""Solvers for graphon mean-field games, games of finitely many agents, and estimation from their samples."""
