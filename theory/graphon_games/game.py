r"""The game: a graphon, a kernel and a reward on finite states and actions, on M blocks of agents.

Agent :math:`\alpha \in [0,1]` in state s takes action a at step h, earns :math:`r_h(s, a, z_h^\alpha)` and
moves by :math:`P_h(\cdot \mid s, a, z_h^\alpha)`, where :math:`z_h^\alpha = \int W_h(\alpha, \beta)
\mu_h^\beta\, d\beta` is not normalised by the degree of :math:`\alpha`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import as_floats, as_integer
from tightbound.theory.graphon_games._validation import Array, check_probabilities
from tightbound.theory.graphon_games.graphons import Graphon, GridKind, grid

StageFunction = Callable[[Any, Any], Any]


@dataclass(frozen=True, eq=False)
class GraphonGame:
    r"""A graphon mean-field game of horizon H on M blocks.

    .. math:: z_h^m = \frac1M \sum_n W_h(x_m, x_n)\, \mu_h^n, \qquad
              s_{h+1} \sim P_h(\cdot \mid s_h, a_h, z_h^m), \qquad r_h(s_h, a_h, z_h^m)

    Parameters
    ----------
    graphon : Graphon, or sequence of H Graphons
        One for all steps, or one per step.
    initial : array_like, shape (S,) or (M, S)
        Law of the first state, for all blocks or per block.
    transition : array_like, shape (S, A, S) or (H, S, A, S), or callable
        An array where the kernel does not depend on the mean field. Otherwise ``transition(h, z)`` maps
        aggregates of shape (..., S) to kernels of shape (..., S, A, S). It is written with the functions of
        ``z.__array_namespace__()``, so that it runs under NumPy and JAX; h may be a traced integer.
    reward : array_like, shape (S, A) or (H, S, A), or callable
        The same, with values of shape (..., S, A).
    horizon : int
        Number of steps H.
    blocks : int
        Number of blocks M.
    grid : {"midpoint", "endpoint"}
        Positions of the blocks, see :func:`~tightbound.theory.graphon_games.graphons.grid`.
    name : str
        Name shown in reports.

    Attributes
    ----------
    positions : ndarray, shape (M,)
    weights : ndarray, shape (1, M, M) or (H, M, M)
        :math:`W_h / M`, so that aggregates are ``weights @ mean_field``.
    states, actions : int
        S and A.
    transition_table, reward_table : ndarray, or None
        The arrays with a leading axis of length 1 or H; None for callables.

    Raises
    ------
    ValueError, TypeError
        For shapes that do not fit, probabilities that are negative or do not sum to 1, NaN, or a graphon
        that leaves [0, 1] or is asymmetric.

    Notes
    -----
    With step graphons whose steps are unions of the blocks the M blocks are the game itself, not an
    approximation: agents of one block face the same problem.

    References
    ----------
    Caines and Huang, CDC 2018; Cui and Koeppl, ICLR 2022.

    Examples
    --------
    >>> from tightbound.theory.graphon_games.graphons import erdos_renyi
    >>> move = np.stack([np.tile([1.0, 0.0], (2, 1)), np.tile([0.0, 1.0], (2, 1))], axis=1)
    >>> game = GraphonGame(erdos_renyi(1.0), [0.5, 0.5], move, np.zeros((2, 2)), 3, blocks=4)
    >>> game.states, game.actions, game.weights.shape
    (2, 2, (1, 4, 4))
    """

    graphon: Graphon | Sequence[Graphon]
    initial: Any
    transition: Any
    reward: Any
    horizon: int
    blocks: int = field(default=20, kw_only=True)
    grid: GridKind = field(default="midpoint", kw_only=True)
    name: str = field(default="game", kw_only=True)
    positions: Array = field(init=False, repr=False)
    weights: Array = field(init=False, repr=False)
    states: int = field(init=False, repr=False)
    actions: int = field(init=False, repr=False)
    transition_table: Array | None = field(init=False, repr=False)
    reward_table: Array | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        put = partial(object.__setattr__, self)
        put("horizon", as_integer("horizon", self.horizon, least=1))
        put("positions", _frozen(grid(self.blocks, self.grid)))
        put("blocks", len(self.positions))
        put("weights", _frozen(self._read_graphon()))
        put("initial", _frozen(self._read_initial()))
        put("states", self.initial.shape[-1])
        put("reward_table", self._read_table("reward", self.reward, 2))
        put("transition_table", self._read_table("transition", self.transition, 3))
        put("actions", self._count_actions())
        self._probe()

    @property
    def mean_field_free(self) -> bool:
        """Whether the kernel is an array, hence free of the mean field."""
        return self.transition_table is not None

    def transition_at(self, h: Any, z: Any) -> Any:
        """Return the kernels at step h for aggregates z.

        Parameters
        ----------
        h : int, or traced integer
            Step, counted from 0.
        z : array, shape (..., S)
            Aggregates, NumPy or JAX.

        Returns
        -------
        array, shape (..., S, A, S)
        """
        return self._stage(self.transition_table, self.transition, h, z)

    def reward_at(self, h: Any, z: Any) -> Any:
        """Return the rewards at step h for aggregates z, shape (..., S, A); see :meth:`transition_at`."""
        return self._stage(self.reward_table, self.reward, h, z)

    def weights_at(self, h: int) -> Array:
        """Return :math:`W_h / M`, shape (M, M)."""
        return np.asarray(self.weights[h if len(self.weights) > 1 else 0])

    def uniform_policy(self) -> Array:
        """Return the policy of equal probabilities, shape (M, H, S, A)."""
        return np.full((self.blocks, self.horizon, self.states, self.actions), 1.0 / self.actions)

    def _stage(self, table: Array | None, function: StageFunction, h: Any, z: Any) -> Any:
        """Return the stage values of a table or a callable."""
        if table is None:
            return function(h, z)
        xp = z.__array_namespace__()
        stage = xp.asarray(table)[h if len(table) > 1 else 0]
        return xp.broadcast_to(stage, z.shape[:-1] + stage.shape)

    def _read_graphon(self) -> Array:
        """Return W_h / M with a leading axis over steps of length 1 or H."""
        single = isinstance(self.graphon, Graphon)
        graphons = (self.graphon,) if isinstance(self.graphon, Graphon) else tuple(self.graphon)
        if not all(isinstance(g, Graphon) for g in graphons):
            raise TypeError(
                f"graphon is {self.graphon!r}: give a Graphon or a list of them, e.g. erdos_renyi(0.5) or "
                "step_graphon(matrix)"
            )
        if not single and len(graphons) != self.horizon:
            raise ValueError(
                f"graphon has {len(graphons)} entries, horizon is {self.horizon}: give one, or one per step"
            )
        return np.stack([g.matrix(self.positions) for g in graphons]) / len(self.positions)

    def _read_initial(self) -> Array:
        """Return the initial law of every block, shape (M, S)."""
        law = as_floats("initial", self.initial)
        if law.ndim not in (1, 2) or law.size == 0 or (law.ndim == 2 and len(law) != self.blocks):
            raise ValueError(
                f"initial has shape {law.shape}: give (S,), or (M, S) with M = {self.blocks} blocks"
            )
        check_probabilities("initial", law)
        return np.array(np.broadcast_to(law, (self.blocks, law.shape[-1])))

    def _read_table(self, name: str, value: Any, ndim: int) -> Array | None:
        """Return an array with a leading axis over steps, or None for a callable."""
        if callable(value):
            return None
        table = as_floats(name, value)
        table = table[None] if table.ndim == ndim else table
        s = self.states
        inside = table.shape[1:2] == (s,) and (ndim == 2 or table.shape[-1] == s)
        if table.ndim != ndim + 1 or not inside or len(table) not in (1, self.horizon) or table.size == 0:
            form = f"({s}, A, {s})" if ndim == 3 else f"({s}, A)"
            raise ValueError(
                f"{name} has shape {np.shape(value)}: with {s} states and horizon {self.horizon} give shape "
                f"{form}, with a leading axis of length {self.horizon} if it varies, or a callable"
            )
        if name == "transition":
            check_probabilities(name, table)
        return _frozen(table)

    def _count_actions(self) -> int:
        """Return the number of actions, from the tables or from one call."""
        if self.transition_table is not None:
            return int(self.transition_table.shape[2])
        if self.reward_table is not None:
            return int(self.reward_table.shape[2])
        values = np.asarray(self.reward(0, np.zeros(self.states)))
        if values.ndim != 2 or values.shape[0] != self.states or values.shape[1] < 1:
            raise ValueError(
                f"reward(0, z) has shape {values.shape} for z of shape ({self.states},): "
                f"return shape (..., {self.states}, A)"
            )
        return int(values.shape[1])

    def _probe(self) -> None:
        """Evaluate both stage functions where all mass sits on one state, and check what comes back."""
        mass = self.weights.sum(axis=-1).max()
        z = mass * np.vstack([self.initial[:1], np.eye(self.states)])
        for h in {0, self.horizon - 1}:
            rewards = np.asarray(self.reward_at(h, z), dtype=np.float64)
            _check_shape("reward", rewards, (len(z), self.states, self.actions))
            if not np.all(np.isfinite(rewards)):
                raise ValueError(f"reward({h}, z) is NaN or infinite: return finite numbers for every z")
            kernels = np.asarray(self.transition_at(h, z), dtype=np.float64)
            _check_shape("transition", kernels, (len(z), self.states, self.actions, self.states))
            check_probabilities(f"transition({h}, z) at aggregates of mass {mass:.3g}", kernels)


def _check_shape(name: str, values: Array, shape: tuple[int, ...]) -> None:
    """Raise unless a stage function returned the expected shape."""
    if values.shape != shape:
        raise ValueError(
            f"{name} has values of shape {values.shape} where {shape} is needed: all axes of z but the last "
            "come first, and reward and transition must agree on the number of actions"
        )


def _frozen(array: ArrayLike) -> Array:
    """Return a read-only float64 copy."""
    copy = np.array(array, dtype=np.float64)
    copy.setflags(write=False)
    return copy
