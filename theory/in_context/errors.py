"""What can go wrong in the domain, beyond wrong arguments."""


class InconsistentEvidenceError(ValueError):
    """What was observed has probability zero under every concept of positive prior probability."""


class UnsupportedTaskWarning(UserWarning):
    """A task has prior probability zero, so it keeps its place and never gets weight."""
