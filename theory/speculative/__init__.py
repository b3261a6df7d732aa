"""Speculative decoding: exact laws of verification rules, acceptance, speed-up, draft trees."""
