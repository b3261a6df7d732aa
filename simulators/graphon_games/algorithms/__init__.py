"""Algorithms, one per file, named by their published names."""

from tightbound.simulators.graphon_games.algorithms.fictitious_play import FictitiousPlay
from tightbound.simulators.graphon_games.algorithms.fixed_point import BoltzmannFixedPoint, FixedPoint
from tightbound.simulators.graphon_games.algorithms.gmfg_ppo import GMFGPPO
from tightbound.simulators.graphon_games.algorithms.mono_md import MonoMD, proximal_rate
from tightbound.simulators.graphon_games.algorithms.online_mirror_descent import (
    MaxBackupMirrorDescent,
    OnlineMirrorDescent,
)
from tightbound.simulators.graphon_games.algorithms.sampled_mono_md import SampledMonoMD

__all__ = [
    "GMFGPPO",
    "BoltzmannFixedPoint",
    "FictitiousPlay",
    "FixedPoint",
    "MaxBackupMirrorDescent",
    "MonoMD",
    "OnlineMirrorDescent",
    "SampledMonoMD",
    "proximal_rate",
]
