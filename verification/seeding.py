"""Random numbers that depend on what is measured and on nothing else."""

from __future__ import annotations

import zlib

import numpy as np


def generator(root: int, claim_id: str, cell: int, replicate: int) -> np.random.Generator:
    """Return the generator of one replicate: the same for any number of workers and any order of work.

    The stream is that of ``SeedSequence(root, spawn_key=(crc32(claim_id), cell, replicate))``. A claim and
    its control draw the same numbers in a cell they share (common random numbers).

    Parameters
    ----------
    root : int
        Seed of the whole run, at least 0.
    claim_id : str
        Id of the claim.
    cell, replicate : int
        Index of the cell and of the replicate within it, at least 0.

    Raises
    ------
    TypeError
        For a number that is not an integer.
    ValueError
        For a negative one.

    Examples
    --------
    >>> generator(0, "BS-1", 2, 0).integers(10, size=3).tolist()
    [9, 6, 0]
    >>> generator(0, "BS-1", 2, 0).integers(10, size=3).tolist()
    [9, 6, 0]
    """
    for name, value in (("root", root), ("cell", cell), ("replicate", replicate)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
            raise TypeError(f"{name} is {value!r}: give an integer of at least 0")
        if value < 0:
            raise ValueError(f"{name} is {value!r}: give an integer of at least 0")
    key = (zlib.crc32(claim_id.encode()), int(cell), int(replicate))
    return np.random.default_rng(np.random.SeedSequence(int(root), spawn_key=key))
