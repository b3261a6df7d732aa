"""Planning by a language model in a partially observable environment that it has to infer."""
