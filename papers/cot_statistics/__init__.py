"""Hu, Zhang, Chen, Yang: the statistical foundations of chain-of-thought prompting."""
