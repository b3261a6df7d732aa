"""What can go wrong in a run, apart from wrong input."""


class OutputError(OSError):
    """The output folder could not be written; everything finished before is kept."""


class EvidenceError(RuntimeError):
    """A measurement that a figure needs could not be had."""
