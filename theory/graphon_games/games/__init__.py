"""Games, one per file, each with published or stated numbers as defaults."""
