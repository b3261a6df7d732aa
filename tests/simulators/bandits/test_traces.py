import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tightbound.simulators.bandits.corpus import Passage
from tightbound.simulators.bandits.traces import Trace, load_traces, record_trace, record_traces, save_traces
from tightbound.simulators.speculative import NGram, PromptLookup, SuffixAutomaton, SuffixDatastore

Y = np.array([[3, 1], [2, 1], [1, 3]], dtype=np.uint8)
ABOUT = {
    "format": "tightbound traces",
    "version": 1,
    "arms": ["copy", "guess"],
    "max_draft": 2,
    "costs": [29.0, 38.0],
    "traces": [{"category": "prose", "source": "here"}],
}


def written(path, **changes):
    arrays = {"y": Y, "offsets": np.array([0, 3]), "metadata": np.array(json.dumps(ABOUT))} | changes
    with open(path, "wb") as file:
        np.savez(file, **{name: value for name, value in arrays.items() if value is not None})
    return path


def test_record_by_hand():
    text = [1, 2, 3, 4, 1, 2, 3, 9, 1]
    trace = record_trace(
        {"lookup": PromptLookup(max_draft=4), "suffix": SuffixAutomaton(max_draft=2)}, text, 5
    )
    assert trace.y.tolist() == [[3, 3], [2, 2], [1, 1], [1, 1]]
    assert trace.y.dtype == np.uint8
    assert trace.max_draft == 4


@settings(deadline=None, derandomize=True, max_examples=25)
@given(
    text=st.lists(st.integers(0, 3), min_size=2, max_size=60),
    data=st.lists(st.integers(0, 3), min_size=3, max_size=60),
    longest=st.integers(1, 5),
)
def test_autoregressive_and_suffix_drafters_are_coherent(text, data, longest):
    drafters = {
        "suffix": SuffixAutomaton(longest),
        "datastore": SuffixDatastore(data, longest),
        "ngram": NGram(data, 3, longest),
    }
    y = record_trace(drafters, text, 1).y.astype(int)
    assert np.all(y[1:] >= y[:-1] - 1)


def test_prompt_lookup_is_not_coherent():
    # after 1, 2, 3 the copy runs on; one token later the last two tokens first stood elsewhere
    text = [2, 3, 0, 1, 2, 3, 4, 1, 2, 3, 4]
    y = record_trace({"lookup": PromptLookup(max_ngram=2, max_draft=4)}, text, 9).y[:, 0].tolist()
    assert y == [3, 1]


def test_one_trace_per_passage():
    passages = [Passage("prose", name, np.array([1, 2, 1]), np.array([2, 1])) for name in "ab"]
    traces = record_traces({"suffix": SuffixAutomaton(3)}, passages, costs=[28])
    assert [(t.source, t.category, t.tokens, t.costs) for t in traces] == [
        ("a", "prose", 2, (28.0,)),
        ("b", "prose", 2, (28.0,)),
    ]


@settings(deadline=None, derandomize=True, max_examples=25)
@given(
    ys=st.lists(
        st.integers(1, 6).flatmap(lambda n: arrays(np.uint8, (n, 2), elements=st.integers(1, 9))),
        min_size=1,
        max_size=4,
    ),
    costs=st.none() | st.just((1.5, 2.0)),
)
def test_save_and_load(tmp_path_factory, ys, costs):
    path = tmp_path_factory.mktemp("traces") / "some.npz"
    traces = [Trace(y, ("a", "b"), 8, f"kind {j}", f"text {j}", costs) for j, y in enumerate(ys)]
    save_traces(path, traces)
    loaded = load_traces(path)
    assert len(loaded) == len(traces)
    for before, after in zip(traces, loaded, strict=True):
        np.testing.assert_array_equal(before.y, after.y)
        assert vars(before) | {"y": 0} == vars(after) | {"y": 0}


def test_a_file_written_without_this_package(tmp_path):
    (trace,) = load_traces(written(tmp_path / "llm.npz"))
    assert trace.arms == ("copy", "guess")
    assert trace.costs == (29.0, 38.0)


def test_head():
    trace = Trace(Y, ("copy", "guess"), 2, source="this.py")
    assert trace.head(2).y.tolist() == Y[:2].tolist()
    with pytest.raises(IndexError, match=r"tokens is 4, but the trace of this\.py ends before position 3"):
        trace.head(4)
    with pytest.raises(ValueError, match="y has shape"):
        trace.head(0)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"y": [[0.5, 1.0]]}, TypeError, "y has dtype float64: give integer token counts"),
        ({"y": [[0, 1]]}, ValueError, r"y\[0, 0\] is 0: allowed are 1\.\.3 \(max_draft \+ 1\)"),
        ({"y": [[1, 1], [1, 4]]}, ValueError, r"y\[1, 1\] is 4: allowed are 1\.\.3"),
        ({"y": [[1, 1, 1]]}, ValueError, "one column for each of the 2 arms"),
        ({"y": np.zeros((0, 2), int)}, ValueError, r"y has shape \(0, 2\): give one row per position"),
        ({"arms": "ab"}, ValueError, "arms is 'ab': give one distinct name per arm"),
        ({"arms": ("a", "a")}, ValueError, "give one distinct name per arm"),
        ({"max_draft": 255}, ValueError, r"max_draft is 255: allowed are 1\.\.254"),
        ({"max_draft": 2.0}, TypeError, r"max_draft is 2\.0: give the longest draft"),
        ({"costs": (1.0,)}, ValueError, "give one positive number"),
        ({"costs": (1.0, float("nan"))}, ValueError, "give one positive number"),
        ({"costs": ("a", "b")}, TypeError, "give one number per arm, in ms per round"),
    ],
)
def test_bad_traces(changes, error, message):
    with pytest.raises(error, match=message):
        Trace(**{"y": Y, "arms": ("copy", "guess"), "max_draft": 2} | changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y": None}, "no array named y"),
        ({"offsets": None, "metadata": None}, "no array named metadata, offsets"),
        ({"y": Y.astype(np.int64)}, r"y is int64 of shape \(3, 2\); it must be uint8"),
        ({"y": Y[:, 0]}, r"y is uint8 of shape \(3,\); it must be uint8, \(positions, K\)"),
        ({"y": Y[:, :1]}, "y has 1 columns, but metadata names 2 arms"),
        ({"y": Y + np.uint8(2)}, r"y\[0, 0\] is 5: allowed are 1\.\.3"),
        ({"y": Y - np.uint8(1)}, r"y\[0, 1\] is 0: allowed are 1\.\.3"),
        ({"offsets": np.array([0.0, 3.0])}, "offsets is float64"),
        ({"offsets": np.array([0, 2])}, "offsets must rise from 0 to the 3 rows"),
        ({"offsets": np.array([0, 3, 3])}, "offsets must rise from 0 to the 3 rows"),
        ({"offsets": np.array([0, 1, 3])}, "metadata must list 2 traces"),
        ({"metadata": np.array([1, 2])}, "metadata is int64 .* it must be one string"),
        ({"metadata": np.array("{")}, "metadata is not JSON"),
        ({"metadata": np.array("{}")}, "format 'tightbound traces' and version 1"),
        ({"metadata": np.array(json.dumps(ABOUT | {"version": 2}))}, "version 1"),
        (
            {"metadata": np.array(json.dumps({k: v for k, v in ABOUT.items() if k != "costs"}))},
            "metadata has no costs",
        ),
        ({"metadata": np.array(json.dumps(ABOUT | {"arms": "ab"}))}, "it must be a list of names"),
        ({"metadata": np.array(json.dumps(ABOUT | {"max_draft": None}))}, "max_draft is None"),
        ({"metadata": np.array(json.dumps(ABOUT | {"traces": [{}]}))}, "needs a category and a source"),
        ({"y": np.array([[None]])}, "not a trace file: Object arrays cannot be loaded"),
    ],
)
def test_bad_files(tmp_path, changes, message):
    path = written(tmp_path / "bad.npz", **changes)
    with pytest.raises(ValueError, match=rf"bad\.npz: .*{message}"):
        load_traces(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short", b"plain text", b"\x80\x04\x95."])
def test_files_of_another_kind(tmp_path, content):
    path = tmp_path / "other.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"other\.npz: not a trace file: .*write it with save_traces"):
        load_traces(path)


def test_a_single_array(tmp_path):
    np.save(tmp_path / "y.npy", Y)
    with pytest.raises(ValueError, match="a single array, not an archive"):
        load_traces(tmp_path / "y.npy")


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_traces(tmp_path / "absent.npz")


def test_traces_of_different_arms_do_not_share_a_file(tmp_path):
    one, two = (Trace(Y, ("copy", name), 2) for name in ("a", "b"))
    with pytest.raises(ValueError, match="traces differ in arms, max_draft or costs"):
        save_traces(tmp_path / "x.npz", [one, two])
    with pytest.raises(ValueError, match="traces is empty: give at least one Trace"):
        save_traces(tmp_path / "x.npz", [])


def test_no_drafters():
    with pytest.raises(ValueError, match="drafters is empty: give at least one arm"):
        record_trace({}, [1, 2, 3], 1)
