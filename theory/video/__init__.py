"""Temporal attention of video diffusion: time-frequency analysis and reweighting between frames."""
