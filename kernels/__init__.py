"""The speculative-decoding core: one folder per operation, every backend behind one function."""
