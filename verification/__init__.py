"""Claims, statistics, controls, evidence, the runner and the command line."""
