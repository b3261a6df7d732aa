"""Policies, one per file, named by their published names."""
