"""Instances whose regret is known exactly, and random ones.

Subgoals and observations have names in the module of their instance: exploration of REVEAL is
``FixedSubgoal(reveal.PROBE)``.
"""
