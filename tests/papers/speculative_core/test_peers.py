"""Operations in other packages give our results."""

import numpy as np
import pytest

from tightbound.kernels.decode_attention_splitk import decode_attention_splitk
from tightbound.papers.speculative_core import _peers


@pytest.mark.parametrize("masked", [False, True])
def test_attention_of_torch_keeps_the_order_of_heads(masked):
    pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    q = rng.standard_normal((1, 3, 4, 8), dtype=np.float32)
    k, v = (rng.standard_normal((1, 20, 2, 8), dtype=np.float32) for _ in range(2))
    mask = np.arange(20) < 12
    found = _peers.torch_attention(q, k, v, np.tile(mask, (3, 1)) if masked else None)().numpy()
    kept = (k[:, mask], v[:, mask]) if masked else (k, v)
    expected, _ = decode_attention_splitk(q, *kept, num_splits=1, backend="numpy")
    np.testing.assert_allclose(found, expected[0], rtol=0, atol=1e-6)


def test_verification_and_laws_agree():
    pytest.importorskip("torch")
    assert _peers.verification(500).agreement.startswith("equal")
    pytest.importorskip("transformers")
    assert _peers.sampling(2, 500).agreement.startswith(("equal", "within"))
