import pickle
from pathlib import Path

import numpy as np
import pytest

from tightbound.simulators.planning.pomdp_format import PomdpFormatError, load_pomdp, parse_pomdp

HERE = Path(__file__).parent

PREAMBLE = """discount: 0.95
values: reward
states: good bad
actions: wait mend
observations: quiet noise
"""
REST = """T: * identity
O: * uniform
"""


def test_tiger_is_read_as_written():
    tiger = load_pomdp(HERE / "tiger.POMDP")
    assert tiger.states == ("tiger-left", "tiger-right")
    assert tiger.discount == 1.0
    np.testing.assert_array_equal(tiger.start, [0.5, 0.5])
    np.testing.assert_array_equal(tiger.transition[0], np.eye(2))
    np.testing.assert_array_equal(tiger.transition[1:], 0.5)
    np.testing.assert_array_equal(tiger.observation[0], [[0.85, 0.15], [0.15, 0.85]])
    np.testing.assert_array_equal(tiger.observation[1:], 0.5)
    np.testing.assert_array_equal(tiger.reward[0], -1.0)
    # both doors, by the side the tiger is on: every form of R was used for these
    np.testing.assert_array_equal(tiger.reward[1:, :, 0, 0], [[-100.0, 10.0], [10.0, -100.0]])
    assert (tiger.reward == tiger.reward[:, :, :1, :1]).all()


def test_corridor_overwrites_entries_and_starts_outside_the_goal():
    corridor = load_pomdp(HERE / "corridor.POMDP")
    np.testing.assert_array_equal(corridor.start, [0.25, 0.25, 0.0, 0.25, 0.25])
    np.testing.assert_array_equal(corridor.observation[0].argmax(axis=1), [0, 1, 2, 1, 0])
    np.testing.assert_array_equal(corridor.observation[0], corridor.observation[1])
    assert corridor.reward[:, 1, 2].tolist() == [[1.0] * 3] * 2
    assert corridor.reward.sum() == 2 * 5 * 3


def test_machine_turns_costs_into_rewards():
    machine = load_pomdp(HERE / "machine.POMDP")
    assert machine.states == ("good", "worn", "broken")
    assert machine.observations == ("0", "1")
    np.testing.assert_array_equal(machine.start, [1.0, 0.0, 0.0])
    np.testing.assert_array_equal(machine.reward[0, :, :, 0], 1.0)
    np.testing.assert_array_equal(machine.reward[0, :, :, 1], -0.5)
    np.testing.assert_array_equal(machine.reward[2, :, 0, 0], [-1.5, -1.5, -2.0])
    np.testing.assert_array_equal(machine.transition[2], [[1, 0, 0]] * 3)


def test_radio_mixes_names_and_numbers():
    radio = load_pomdp(str(HERE / "radio.POMDP"))
    np.testing.assert_array_equal(radio.start, [0.5, 0.0, 0.5])
    np.testing.assert_array_equal(radio.reward[:, :, 0, 0], np.eye(3))


@pytest.mark.parametrize(
    ("start", "law"),
    [
        ("", [0.5, 0.5]),
        ("start: uniform", [0.5, 0.5]),
        ("start: 0.25 0.75", [0.25, 0.75]),
        ("start: bad", [0.0, 1.0]),
        ("start: 1", [0.0, 1.0]),
        ("start include: good", [1.0, 0.0]),
        ("start include: good bad", [0.5, 0.5]),
        ("start exclude: 0", [0.0, 1.0]),
        ("start :\n0.25\n0.75", [0.25, 0.75]),
    ],
)
def test_every_way_to_start(start, law):
    np.testing.assert_array_equal(parse_pomdp(PREAMBLE + start + "\n" + REST).start, law)


def test_a_single_state_may_start_with_its_probability():
    text = "discount: 1\nvalues: reward\nstates: 1\nactions: 1\nobservations: 1\n"
    for start in ("", "start: 1.0\n", "start: 0\n"):
        np.testing.assert_array_equal(parse_pomdp(text + start + REST).start, [1.0])


@pytest.mark.parametrize(
    ("table", "law"),
    [
        ("T: wait uniform", [[0.5, 0.5], [0.5, 0.5]]),
        ("T: wait\n0.9 0.1\n0.2 0.8", [[0.9, 0.1], [0.2, 0.8]]),
        ("T: wait : bad 0.25 0.75", [[1.0, 0.0], [0.25, 0.75]]),
        ("T: wait : bad uniform", [[1.0, 0.0], [0.5, 0.5]]),
        ("T: wait : * reset", [[0.3, 0.7], [0.3, 0.7]]),
        ("T: wait : bad : bad 0.5\nT:wait:bad:good 0.5", [[1.0, 0.0], [0.5, 0.5]]),
        ("T: 0 : * : good 1\nT: 0 : 1 : bad 0", [[1.0, 0.0], [1.0, 0.0]]),
        ("T: wait : *\n0.2 0.8 # a comment", [[0.2, 0.8], [0.2, 0.8]]),
    ],
)
def test_every_way_to_give_a_law(table, law):
    found = parse_pomdp(PREAMBLE + "start: 0.3 0.7\n" + REST + table)
    np.testing.assert_allclose(found.transition[0], law, rtol=0, atol=1e-15)
    np.testing.assert_array_equal(found.transition[1], np.eye(2))


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("R: wait : bad : * : noise 2", {(0, 1, 0, 1): 2, (0, 1, 1, 1): 2}),
        ("R: wait : bad : good 3 -4", {(0, 1, 0, 0): 3, (0, 1, 0, 1): -4}),
        (
            "R: mend : good\n1 2\n3 4.5",
            {(1, 0, 0, 0): 1, (1, 0, 0, 1): 2, (1, 0, 1, 0): 3, (1, 0, 1, 1): 4.5},
        ),
    ],
)
def test_every_way_to_give_rewards(table, expected):
    reward = np.zeros((2, 2, 2, 2))
    for place, value in expected.items():
        reward[place] = value
    np.testing.assert_array_equal(parse_pomdp(PREAMBLE + REST + table).reward, reward)
    costs = parse_pomdp(PREAMBLE.replace("reward", "cost") + REST + table).reward
    np.testing.assert_array_equal(costs, -reward)


def test_rows_with_few_digits_are_completed():
    text = PREAMBLE + REST + "T: wait : bad 0.333333 0.666666"
    np.testing.assert_allclose(parse_pomdp(text).transition[0, 1], [1 / 3, 2 / 3], atol=1e-6)
    assert parse_pomdp(text).transition[0, 1].sum() == pytest.approx(1.0, abs=1e-15)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (
            PREAMBLE + "T: wait\n1 0\n0.5 0.4\nT: mend identity\nO: * uniform",
            6,
            "row wait : bad of T sums to 0.9",
        ),
        (PREAMBLE + REST + "T: wait : bad 0.5 1.5", 8, "1.5 in .*probabilities lie in"),
        (PREAMBLE + REST + "T: wait : bad 0.5 nan", 8, "'nan' where number 2 of 2.*finite"),
        (PREAMBLE + REST + "T: wait : bad 0.5\nO: * uniform", 9, "'O' where number 2 of 2 of a row of T"),
        (PREAMBLE + REST + "T: wait : bad 0.5 0.5 0.5", 8, "'0.5' where a section should start.*surplus"),
        (PREAMBLE + REST + "T: wait : bad 0.5", 8, "file ends where number 2 of 2.*add"),
        (PREAMBLE + REST + "T: wait : ugly 0.5 0.5", 8, "'ugly' is none of the states: give good, bad"),
        (PREAMBLE + REST + "T: 2 uniform", 8, "'2' is none of the actions.*index below 2"),
        (PREAMBLE + REST + "R: wait 1", 8, "'1' where ':' should follow the action of R"),
        (PREAMBLE + REST + "R: wait : bad : bad : quiet high", 8, "'high' where number 1 of 1"),
        (PREAMBLE + "T: * identity\nO: wait uniform", 7, "row mend : good of O is never given: add"),
        (PREAMBLE + "T: * identity", 6, "row wait : good of O is never given"),
        (PREAMBLE.replace("discount: 0.95\n", "") + REST, 5, "discount is missing: give it above"),
        (PREAMBLE.replace("observations: quiet noise\n", "") + REST, 5, "observations is missing"),
        (PREAMBLE, 5, "row wait : good of T is never given"),
        ("", 1, "discount is missing"),
        (PREAMBLE.replace("0.95", "1.5"), 1, "discount is 1.5: give a number from 0 to 1"),
        (PREAMBLE.replace("values: reward", "values: money"), 2, "values is 'money': give reward or cost"),
        (PREAMBLE.replace("good bad", "0"), 3, "states is 0: there must be at least one"),
        (PREAMBLE.replace("good bad", "good good"), 3, "'good' names two of the states: rename"),
        (PREAMBLE.replace("good bad", "good 2bad"), 3, "'2bad' cannot name one of the states"),
        (PREAMBLE.replace("good bad", "good reset"), 3, "'reset' cannot name.*no keyword"),
        (PREAMBLE.replace("good bad", ""), 3, "states is empty"),
        (PREAMBLE + "states: 3", 6, "states is given a second time"),
        (PREAMBLE + "start: 0.5 0.6", 6, "start sums to 1.1.*divide"),
        (PREAMBLE + "start: 0.5", 6, "'0.5' is none of the states"),
        (PREAMBLE + "start:\n" + REST, 6, "start is empty"),
        (PREAMBLE + "start: uniform\nstart: good", 7, "start is given a second time"),
        (PREAMBLE + "start exclude: good bad", 6, "excludes every state: leave"),
        (PREAMBLE + REST + "start: good", 8, "start comes after the first T, O or R: move"),
        ("start: good\n" + PREAMBLE, 1, "start comes before states: move"),
        ("discount 0.9", 1, "'0.9' where ':' should follow discount"),
        ("hello", 1, "'hello' where a section should start"),
        (
            "discount: 1\nvalues: reward\nstates: 900\nactions: 9\nobservations: 99\nT: * uniform",
            6,
            "smaller problem",
        ),
    ],
)
def test_errors_name_line_and_remedy(text, line, message):
    with pytest.raises(PomdpFormatError, match=message) as caught:
        parse_pomdp(text)
    assert caught.value.line == line
    assert str(caught.value).startswith(f"line {line}: ")


def test_errors_survive_pickling():
    error = pickle.loads(pickle.dumps(PomdpFormatError(3, "a problem")))
    assert (error.line, str(error)) == (3, "line 3: a problem")


def test_only_text_is_parsed():
    with pytest.raises(TypeError, match=r"text is bytes.*load_pomdp"):
        parse_pomdp(b"discount: 1")
