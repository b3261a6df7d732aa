import numpy as np
import pytest

from tightbound.theory.chain_of_thought.answer_law import answer_law, log_posterior
from tightbound.theory.chain_of_thought.area_code import area_code
from tightbound.theory.chain_of_thought.city_equation import city_equation


def test_area_codes_by_hand():
    chain = area_code([[3, 1], [2, 2]], [2, 3], 5)
    assert chain.tasks == 4
    assert chain.states == 5
    assert chain.query[0].tolist() == [0.5, 0.5, 0.0, 0.0, 0.0]
    answers = chain.answer_table()[:, :2].argmax(axis=2)
    assert answers.tolist() == [[1, 2], [4, 3], [4, 4], [1, 1]]
    noisy = area_code([[3, 1]], [2], 5, slip=0.1)
    np.testing.assert_allclose(noisy.kernels.sum(axis=-1), 1.0)
    assert noisy.kernels[0, 0, 0, 3] == pytest.approx(0.92)


def test_one_demonstration_with_steps_shows_the_factor():
    chain = area_code([[a, b] for a in (1, 2) for b in (1, 2)], [1, 2, 3], 7)
    weights = log_posterior(chain, [[0, 2, 6]])  # code 2 and number 6: the factor is 3
    law = answer_law(chain, weights, 1)
    # the other country's code is not known
    assert law == pytest.approx([0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.5])


def test_more_countries_than_residues():
    chain = area_code([[1, 2, 0, 1, 2]], [1, 2], 3)
    assert chain.states == 5
    assert chain.answer_table()[1].argmax(axis=1).tolist() == [2, 1, 0, 2, 1]


def test_equations_by_hand():
    cities, equations = [[0, 2], [1, 1], [4, 3]], [[1, 2, 0], [3, 1, 2]]
    chain = city_equation(cities, equations, 5)
    expected = [[(a * u + b * v + c) % 5 for u, v in cities] for a, b, c in equations]
    assert chain.answer_table()[:, :3].argmax(axis=2).tolist() == expected
    slips = city_equation(cities, equations, 5, slip=0.4)
    np.testing.assert_allclose(slips.kernels.sum(axis=-1), 1.0)
    assert slips.answer_table()[0, 0, 5:].max() == 0.0


def test_bad_examples():
    with pytest.raises(ValueError, match="modulus is 1"):
        area_code([[1]], [1], 1)
    with pytest.raises(ValueError, match="codes has shape"):
        area_code([1, 2], [1], 5)
    with pytest.raises(TypeError, match="factors has dtype"):
        area_code([[1]], [0.5], 5)
    with pytest.raises(ValueError, match=r"slip is 1\.5"):
        area_code([[1]], [1], 5, slip=1.5)
    with pytest.raises(ValueError, match="attributes has shape"):
        city_equation([[1, 2, 3]], [[1, 1, 1]], 3)
    with pytest.raises(ValueError, match="equations has shape"):
        city_equation([[1, 2]], [[1, 1]], 3)
