"""The figures of the paper, one module per figure."""
