"""In-context learning as Bayesian model averaging."""
