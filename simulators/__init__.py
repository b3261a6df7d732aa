"""Solvers and Monte-Carlo engines; none of them knows what passes or fails."""
