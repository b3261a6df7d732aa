"""Games of other packages, against their rules written out."""

import math

import numpy as np
import pytest

from tightbound.papers.gmfg_ppo import _peers
from tightbound.theory.graphon_games import exploitability


def test_beach_bar_of_mfglib():
    game = _peers.mfglib_beach_bar(3, 6)
    assert (game.horizon, game.states, game.actions, game.blocks) == (4, 6, 3, 1)
    table = game.transition_table[0]
    assert table[0, 0].tolist() == [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    assert table[0, 1].tolist() == [0.75, 0.25, 0.0, 0.0, 0.0, 0.0]
    assert table[2, 2].tolist() == [0.0, 0.0, 0.25, 0.5, 0.25, 0.0]
    reward = game.reward_at(0, np.full(6, 0.25))
    # The bar is at place 3; place 0 is 3 away both ways.
    assert reward[3].tolist() == pytest.approx([math.log(4) - 1 / 6, math.log(4), math.log(4) - 1 / 6])
    assert reward[:, 1].tolist() == pytest.approx([math.log(4) - d for d in (3, 2, 1, 0, 1, 2)])


def test_crowd_modelling_of_openspiel_agrees_with_its_printed_score():
    # NashConv of the uniform policy, printed by OpenSpiel 2.0.2 for size = horizon = 10 and 20.
    for size, score in ((10, 2.8135365543870385), (20, 6.973224369809586)):
        game = _peers.openspiel_crowd(size)
        assert exploitability(game, game.uniform_policy(), 0.0) == pytest.approx(score, abs=1e-11)


def test_iterates_agree_with_those_printed_by_mfglib():
    from tightbound.papers.gmfg_ppo.benchmarks import online_mirror_descent

    # MFGLib 0.3.0 in double precision, T = n = 20: iterates 0, 1, 10, 100 of online mirror descent.
    found = online_mirror_descent(_peers.mfglib_beach_bar(20, 20), 100)
    printed = [77.74085208830758, 133.03649530144764, 37.20667643457084, 0.01944607000141385]
    assert [found[i] for i in (0, 1, 10, 100)] == pytest.approx(printed, rel=1e-7)
