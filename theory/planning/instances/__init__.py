"""Instances whose regret is known exactly."""
