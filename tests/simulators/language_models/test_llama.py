import numpy as np
import pytest

from tightbound.kernels.sparse_decode_attention import sparse_decode_attention
from tightbound.simulators.language_models.gguf_checkpoint import LlamaConfig
from tightbound.simulators.language_models.language_model import ContextOverflowError, KeySelection, prefill
from tightbound.simulators.language_models.llama import Llama, linear

CLOSE = 2e-5  # float32 against float64, logits of size 1 after three layers


def definition(model, tokens, mask=None, positions=None, allowed=None):
    """Logits (T, V) of one text in float64, straight from the formulas; ``allowed`` (layers, Hk, T, T)."""
    config = model.config
    f = {name: np.asarray(value, np.float64) for name, value in vars(model).items() if name in ("embedding",)}
    tokens = np.asarray(tokens)
    length, dim, group = tokens.size, config.head_size, config.heads // config.kv_heads
    places = np.arange(length) if positions is None else np.asarray(positions)
    seen = np.tri(length, dtype=bool) if mask is None else mask

    def norm(x, scale):
        return x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + config.eps) * scale

    def turn(x):
        turned = np.empty_like(x)
        for i in range(dim // 2):
            angle = places * config.rope_base ** (-2 * i / dim)
            c, s = np.cos(angle)[:, None], np.sin(angle)[:, None]
            turned[..., 2 * i] = x[..., 2 * i] * c - x[..., 2 * i + 1] * s
            turned[..., 2 * i + 1] = x[..., 2 * i] * s + x[..., 2 * i + 1] * c
        return turned

    h = f["embedding"][tokens]
    for number, block in enumerate(model.blocks):
        w = {name: value.astype(np.float64) for name, value in vars(block).items()}
        rows = norm(h, w["attention_norm"]) @ w["query_key_value"].T
        rows = rows.reshape(length, config.heads + 2 * config.kv_heads, dim)
        query, key = turn(rows[:, : config.heads]), turn(rows[:, config.heads : -config.kv_heads])
        value = rows[:, -config.kv_heads :]
        out = np.empty((length, config.heads, dim))
        for head in range(config.heads):
            keys = head // group
            scores = query[:, head] @ key[:, keys].T / np.sqrt(dim)
            scores[~(seen if allowed is None else seen & allowed[number, keys])] = -np.inf
            weights = np.exp(scores - scores.max(axis=1, keepdims=True))
            out[:, head] = weights / weights.sum(axis=1, keepdims=True) @ value[:, keys]
        h = h + out.reshape(length, -1) @ w["output"].T
        both = norm(h, w["mlp_norm"]) @ w["gate_up"].T
        gate, up = both[:, : config.inner], both[:, config.inner :]
        h = h + (gate / (1 + np.exp(-gate)) * up) @ w["down"].T
    return norm(h, model.norm.astype(np.float64)) @ model.head.astype(np.float64).T


@pytest.fixture
def text(rng):
    return rng.integers(0, 37, 90)


@pytest.mark.parametrize(("outputs", "inputs", "rows"), [(96, 24, 1), (7, 5, 3), (33, 17, 50), (4, 1, 97)])
def test_products(outputs, inputs, rows, rng):
    weights = rng.standard_normal((outputs, inputs)).astype(np.float32)
    x = rng.standard_normal((rows, inputs)).astype(np.float32)
    np.testing.assert_allclose(linear(weights, x), x.astype(float) @ weights.T.astype(float), atol=1e-5)


@pytest.mark.parametrize("cuts", [[90], [1] * 5 + [85], [60, 30], [17, 1, 72]])
def test_logits_are_those_of_the_definition(small, text, cuts):
    cache, found = small.start(1), []
    for start, count in zip(np.cumsum([0, *cuts]), cuts, strict=False):
        found.append(small.forward(cache, [text[start : start + count]])[0])
        cache.commit([range(count)], [count])
    found = np.concatenate(found)
    assert found.dtype == np.float32
    assert np.abs(found - definition(small, text)).max() < CLOSE


def test_rows_may_stay_pending_for_several_calls(small, text):
    cache = small.start(1)
    prefill(small, cache, [text[:70]], chunk=32)
    found = [small.forward(cache, [text[i : i + 2]])[0] for i in range(70, 90, 2)]
    assert cache.pending == 20
    assert np.abs(np.concatenate(found) - definition(small, text)[70:]).max() < CLOSE
    cache.commit([range(20)], [12])
    last = small.forward(cache, [text[82:83]])[0, 0]
    assert np.abs(last - definition(small, text)[82]).max() < CLOSE


def test_rows_of_a_tree_follow_their_paths_and_a_path_can_be_kept(small, text):
    cache, known = small.start(1), 40
    prefill(small, cache, [text[:known]])
    parents = [-1, 0, 0, 1, 2, 2, 4]
    mask, depth = np.eye(7, dtype=bool), np.zeros(7, dtype=int)
    for i, parent in enumerate(parents):
        if parent >= 0:
            mask[i] |= mask[parent]
            depth[i] = depth[parent] + 1
    nodes = text[known : known + 7]
    logits = small.forward(cache, [nodes], mask=[mask], positions=[known + depth])[0]
    for i, row in enumerate(logits):
        path = np.concatenate([text[:known], nodes[mask[i]]])
        assert np.abs(row - definition(small, path)[-1]).max() < CLOSE
    kept = [0, 2, 4, 6]
    cache.commit([kept], [4])
    longer = np.concatenate([text[:known], nodes[kept], [5]])
    row = small.forward(cache, [[5]])[0, 0]
    assert np.abs(row - definition(small, longer)[-1]).max() < CLOSE


def test_sequences_of_different_lengths_share_a_batch(small, text):
    prompts = [text[:50], text[3:10], text[20:61]]
    cache = small.start(3)
    logits = prefill(small, cache, prompts, chunk=16)
    follow = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    rows = small.forward(cache, follow)
    for b, prompt in enumerate(prompts):
        whole = definition(small, np.concatenate([prompt, follow[b]]))
        assert np.abs(logits[b] - whole[-4]).max() < CLOSE
        assert np.abs(rows[b] - whole[-3:]).max() < CLOSE
    cache.commit([[0, 1], [0, 1], [0, 1]], [2, 0, 1])
    cache.select([0, 2])
    assert cache.lengths.tolist() == [52, 42]
    rows = small.forward(cache, [[11], [12]])
    for row, b, count, token in ((rows[0, 0], 0, 2, 11), (rows[1, 0], 2, 1, 12)):
        whole = definition(small, [*prompts[b], *follow[b, :count], token])
        assert np.abs(row - whole[-1]).max() < CLOSE


def test_discarded_rows_leave_nothing(small, text):
    cache = small.start(1)
    prefill(small, cache, [text[:30]])
    before = small.forward(cache, [[7]])
    cache.discard()
    small.forward(cache, [text[:60]], run=[0, 2])
    cache.discard()
    assert np.array_equal(small.forward(cache, [[7]]), before)


def test_a_pass_with_chosen_keys(small, text, rng):
    cache, known, tail = small.start(1), 70, 64
    prefill(small, cache, [text[:known]])
    keys = np.sort(np.array([[rng.permutation(tail)[:9] for _ in range(2)] for _ in range(3)]), axis=2)
    chosen = KeySelection(keys[:, None], np.array([tail]))
    allowed = np.zeros((3, 2, 73, 73), dtype=bool)
    allowed[..., tail:] = True
    for layer in range(3):
        for head in range(2):
            allowed[layer, head, :, keys[layer, head]] = True
    allowed[:, :, :known] = True  # the committed rows were dense
    whole = definition(small, text[:73], allowed=allowed)[-3:]
    first = small.forward(cache, [text[70:71]], attend=chosen)[0]
    rest = small.forward(cache, [text[71:73]], attend=chosen)[0]
    assert np.abs(np.concatenate([first, rest]) - whole).max() < CLOSE
    assert np.abs(whole - definition(small, text[:73])[-3:]).max() > 1e-2  # the choice matters


def test_views_of_the_cache_suit_the_kernels(small, text):
    cache, seen = small.start(1), {}
    prefill(small, cache, [text[:40]])
    small.forward(
        cache, [[3]], observe=lambda layer, queries, hidden: seen.update({layer: (queries, hidden)})
    )
    assert sorted(seen) == [0, 1, 2, 3]
    assert seen[3][0].shape == (1, 1, 0, 8)
    np.testing.assert_allclose(
        small.read_out(seen[3][1])[0, 0], definition(small, [*text[:40], 3])[-1], atol=CLOSE
    )
    keys, values = cache.rows(1)
    none = np.zeros((1, 2, 0), np.int32)
    o, _ = sparse_decode_attention(seen[1][0], keys, values, none, 0, np.array([41]))
    h = seen[1][1][0] + o.reshape(1, -1) @ small.blocks[1].output.T
    both = h / np.sqrt((h * h).mean() + 1e-5) * small.blocks[1].mlp_norm @ small.blocks[1].gate_up.T
    h = h + (both[:, :40] / (1 + np.exp(-both[:, :40])) * both[:, 40:]) @ small.blocks[1].down.T
    np.testing.assert_allclose(h, seen[2][1][0], atol=1e-4)


def test_layers_can_be_skipped(small, text):
    cut = Llama(small.config, small.embedding, small.blocks[:1], small.norm, small.head)
    object.__setattr__(cut, "config", LlamaConfig(**{**vars(small.config), "layers": 1}))
    cache = small.start(1)
    found = small.forward(cache, [text[:20]], run=[0])[0]
    assert np.abs(found - definition(cut, text[:20])).max() < CLOSE


def test_rows_from_elsewhere_are_committed(small, text):
    whole = small.start(2)
    prefill(small, whole, [text[:30], text[40:70]])
    keys, values = zip(*(whole.rows(layer) for layer in range(3)), strict=True)
    copy = small.start(2, 40)
    copy.append(np.stack(keys)[:, :, :30], np.stack(values)[:, :, :30])
    assert np.array_equal(small.forward(copy, [[3], [4]]), small.forward(whole, [[3], [4]]))
    with pytest.raises(ValueError, match="pending"):
        copy.append(np.stack(keys)[:, :, :3], np.stack(values)[:, :, :3])


@pytest.mark.parametrize(
    ("keys", "values", "error", "says"),
    [
        (np.zeros((3, 1, 2, 2, 7)), np.zeros((3, 1, 2, 2, 7)), ValueError, "keys has shape"),
        (np.zeros((3, 1, 2, 2, 8)), np.zeros((3, 1, 1, 2, 8)), ValueError, "as many"),
        (np.full((3, 1, 1, 2, 8), np.nan), np.zeros((3, 1, 1, 2, 8)), ValueError, "keys has entries"),
        (np.zeros((3, 1, 9, 2, 8)), np.zeros((3, 1, 9, 2, 8)), ContextOverflowError, "capacity is 8"),
    ],
)
def test_bad_rows_from_elsewhere(small, keys, values, error, says):
    with pytest.raises(error, match=says):
        small.start(1, 8).append(keys, values)


def test_too_many_rows(small):
    with pytest.raises(ContextOverflowError, match="context of 160"):
        small.start(1, 161)
    cache = small.start(1, 20)
    with pytest.raises(ContextOverflowError, match="position 160"):
        small.forward(cache, [[0] * 161])
    for _ in range(5):
        small.forward(cache, [[0] * 100], positions=[[0] * 100])
    with pytest.raises(ContextOverflowError, match="600 rows would be pending"):
        small.forward(cache, [[0] * 100], positions=[[0] * 100])
    assert cache.pending == 500
    with pytest.raises(ContextOverflowError, match="capacity is 20"):
        cache.commit([range(21)], [21])


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"tokens": [[37]]}, IndexError, "tokens contains 37"),
        ({"tokens": [[-1]]}, IndexError, "tokens contains -1"),
        ({"tokens": [[]]}, ValueError, "at least one token"),
        ({"tokens": [[1]], "run": [1, 0]}, ValueError, "ascending"),
        ({"tokens": [[1]], "run": []}, ValueError, "ascending"),
        ({"tokens": [[1]], "run": [3]}, IndexError, "run contains 3"),
        ({"tokens": [[1]], "attend": ((2, 1, 2, 1), 1)}, ValueError, "attend.keys has shape"),
        ({"tokens": [[1]], "attend": ((3, 1, 2, 1), 2)}, ValueError, "tail_start"),
    ],
)
def test_bad_passes(small, arguments, error, says):
    cache = small.start(1)
    prefill(small, cache, [[1]])
    if "attend" in arguments:
        shape, tail = arguments["attend"]
        arguments = arguments | {"attend": KeySelection(np.zeros(shape, int), np.array([tail]))}
    with pytest.raises(error, match=says):
        small.forward(cache, **arguments)
    assert cache.pending == 0


def test_numbers_that_are_not_finite_do_not_leave(small):
    with pytest.raises(ValueError, match="logits are NaN"):
        small.read_out(np.full((1, 24), np.nan))
    with pytest.raises(ValueError, match="last axis must be 24"):
        small.read_out(np.zeros(23))
    with pytest.raises(IndexError, match="tokens contains 37"):
        small.embed([37])


def test_bad_sizes():
    with pytest.raises(ValueError, match="divide"):
        LlamaConfig(5, 16, 8, 8, 2, 3, 2, 4)
    with pytest.raises(ValueError, match="layers is 0"):
        LlamaConfig(5, 16, 8, 8, 0, 2, 1, 4)
