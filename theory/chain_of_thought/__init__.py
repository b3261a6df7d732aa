"""Multi-step reasoning with a latent task: chain-of-thought prompting as Bayesian model averaging."""
