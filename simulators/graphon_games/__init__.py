"""Solvers for graphon mean-field games, games of finitely many agents, and estimation from their samples."""

from tightbound.simulators.graphon_games.algorithms import (
    GMFGPPO,
    BoltzmannFixedPoint,
    FictitiousPlay,
    FixedPoint,
    MaxBackupMirrorDescent,
    MonoMD,
    OnlineMirrorDescent,
    SampledMonoMD,
    proximal_rate,
)
from tightbound.simulators.graphon_games.solution import ConvergenceError, Solution
from tightbound.simulators.graphon_games.solve import solve, solve_batch

__all__ = [
    "GMFGPPO",
    "BoltzmannFixedPoint",
    "ConvergenceError",
    "FictitiousPlay",
    "FixedPoint",
    "MaxBackupMirrorDescent",
    "MonoMD",
    "OnlineMirrorDescent",
    "SampledMonoMD",
    "Solution",
    "proximal_rate",
    "solve",
    "solve_batch",
]
