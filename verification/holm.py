"""Decisions over a whole family of claims that keep the chance of any false alarm below one level."""

from __future__ import annotations

from collections.abc import Mapping


def adjusted_p_values(p_values: Mapping[str, float], family: int | None = None) -> dict[str, float]:
    r"""Return Holm's step-down adjusted p-values.

    ``p~_(k) = max_{j<=k} min(1, (m - j + 1) p_(j))`` with ``p_(1) <= p_(2) <= ...``

    Parameters
    ----------
    p_values : mapping from id to float
        Each in [0, 1]. May be empty.
    family : int, optional
        Size ``m`` of the whole family, at least ``len(p_values)``. Members that are missing here (not run
        yet) count as never rejected, so a rejection stands whatever their p-values turn out to be. Default:
        ``len(p_values)``.

    Returns
    -------
    dict from id to float
        In the order of ``p_values``; a member is rejected at every level at or above its number.

    Raises
    ------
    ValueError
        For a p-value outside [0, 1] or a family smaller than its known members.

    References
    ----------
    Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6,
    1979.

    Examples
    --------
    >>> adjusted_p_values({"a": 0.25, "b": 0.125, "c": 0.5})
    {'a': 0.5, 'b': 0.375, 'c': 0.5}
    """
    for name, p in p_values.items():
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"the p-value of {name} is {p!r}: give a number from 0 to 1")
    size = len(p_values) if family is None else family
    if size < len(p_values):
        raise ValueError(
            f"family is {family} but {len(p_values)} p-values were given: count every member, run or not"
        )
    adjusted: dict[str, float] = {}
    largest = 0.0
    for step, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        largest = max(largest, min(1.0, (size - step) * float(p_values[name])))
        adjusted[name] = largest
    return {name: adjusted[name] for name in p_values}


def holm(p_values: Mapping[str, float], level: float, family: int | None = None) -> dict[str, bool]:
    """Return which members of a family are rejected, with any false rejection at most as likely as ``level``.

    ``p_(1) <= level/m``, then ``p_(2) <= level/(m-1)``, ... until the first that is larger

    Parameters
    ----------
    p_values : mapping from id to float
        Each in [0, 1] and valid: ``P(p <= a) <= a`` where its claim holds. No independence is needed.
    level : float
        Chance of any false rejection in the family, in (0, 1).
    family : int, optional
        As in :func:`adjusted_p_values`.

    Returns
    -------
    dict from id to bool
        True where the claim is rejected.

    Raises
    ------
    ValueError
        For a level outside (0, 1), or as in :func:`adjusted_p_values`.

    Examples
    --------
    >>> holm({"a": 0.004, "b": 0.006, "c": 0.5}, level=0.01)
    {'a': False, 'b': False, 'c': False}
    >>> holm({"a": 0.003, "b": 0.004, "c": 0.5}, level=0.01)
    {'a': True, 'b': True, 'c': False}
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"level is {level!r}: give a number strictly between 0 and 1, e.g. 0.01")
    return {name: p <= level for name, p in adjusted_p_values(p_values, family).items()}
