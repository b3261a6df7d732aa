"""Simulation of planners: exploration, decoding, world models, pretraining."""
