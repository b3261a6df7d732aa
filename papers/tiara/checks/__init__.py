"""The claims of the paper, one module per topic."""
