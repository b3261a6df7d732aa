"""One folder per paper: its claims, its figures, and a README of what was found."""
