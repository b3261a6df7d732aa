import pickle

from tightbound.theory.planning.errors import NotDistinguishableError, TreeTooLargeError


def test_errors_name_what_and_survive_pickling():
    same = NotDistinguishableError([(0, 2), (1, 3)])
    assert same.pairs == pickle.loads(pickle.dumps(same)).pairs == ((0, 2), (1, 3))
    assert "(0, 2), (1, 3)" in str(same)
    assert "explores" in str(same)
    many = NotDistinguishableError([(0, i) for i in range(1, 9)])
    assert str(many).count("(0,") == 5
    large = pickle.loads(pickle.dumps(TreeTooLargeError("histories", 12, 10, "raise limit")))
    assert (large.what, large.size, large.limit) == ("histories", 12, 10)
    assert "12" in str(large)
    assert "raise limit" in str(large)
    assert isinstance(large, ValueError)
