"""Planners, one per file."""
