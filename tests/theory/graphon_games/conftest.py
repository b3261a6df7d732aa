"""A slow, plain oracle for every quantity: sums over states, actions and blocks, one term at a time."""

import itertools
import math

import numpy as np
import pytest


class Oracle:
    """The model written out by its definition, without any code of the package but the game's callables."""

    def __init__(self, game):
        self.game = game
        self.w = np.array(
            [[g.function(x, y) for y in game.positions] for x in game.positions]
            if hasattr(g := game.graphon, "function")
            else None
        )

    def z(self, mu, m):
        game = self.game
        return np.array(
            [
                sum(self.w[m, n] * mu[n][s] for n in range(game.blocks)) / game.blocks
                for s in range(game.states)
            ]
        )

    def flow(self, policy, crowd=None):
        game = self.game
        mu = [[list(game.initial[m])] for m in range(game.blocks)]
        for h in range(game.horizon - 1):
            source = [mu[m][h] for m in range(game.blocks)] if crowd is None else crowd[:, h]
            for m in range(game.blocks):
                kernel = np.asarray(game.transition_at(h, self.z(source, m)))
                new = [0.0] * game.states
                for s, a, t in itertools.product(range(game.states), range(game.actions), range(game.states)):
                    new[t] += mu[m][h][s] * policy[m, h, s, a] * kernel[s, a, t]
                mu[m].append(new)
        return np.array(mu)

    def value(self, policy, crowd, lam, m):
        """Value from the initial law, by recursion from state to state."""
        game = self.game
        stages = [
            (np.asarray(game.reward_at(h, z)), np.asarray(game.transition_at(h, z)))
            for h in range(game.horizon)
            for z in [self.z(crowd[:, h], m)]
        ]

        def v(h, s):
            total = 0.0
            for a in range(game.actions):
                p = policy[m, h, s, a]
                if p == 0.0:
                    continue
                ahead = 0.0
                if h + 1 < game.horizon:
                    ahead = sum(stages[h][1][s, a, t] * v(h + 1, t) for t in range(game.states))
                total += p * (stages[h][0][s, a] - lam * math.log(p) + ahead)
            return total

        return sum(game.initial[m, s] * v(0, s) for s in range(game.states))

    def best_deterministic_value(self, crowd, m):
        """The largest unregularised value over all deterministic policies, by enumeration."""
        game = self.game
        best = -math.inf
        for choice in itertools.product(range(game.actions), repeat=game.horizon * game.states):
            policy = np.eye(game.actions)[np.array(choice)].reshape(
                1, game.horizon, game.states, game.actions
            )
            best = max(best, self.value(np.repeat(policy, game.blocks, 0), crowd, 0.0, m))
        return best


@pytest.fixture
def oracle():
    return Oracle


@pytest.fixture
def random_policy():
    """Draw a policy with full support, spread over several orders of magnitude."""

    def draw(game, rng, scale=1.0):
        logits = scale * rng.standard_normal((game.blocks, game.horizon, game.states, game.actions))
        weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return weights / weights.sum(axis=-1, keepdims=True)

    return draw
