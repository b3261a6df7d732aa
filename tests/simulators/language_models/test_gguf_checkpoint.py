import numpy as np
import pytest

from tightbound.simulators.language_models.gguf_checkpoint import CheckpointFormatError, read_gguf
from tightbound.simulators.language_models.llama import Llama

SIZES = {
    "context_length": 32,
    "embedding_length": 32,
    "feed_forward_length": 64,
    "block_count": 1,
    "attention.head_count": 4,
    "attention.head_count_kv": 2,
}
SHAPES = {
    "token_embd": (10, 32),
    "output_norm": (32,),
    "output": (10, 32),
    "blk.0.attn_norm": (32,),
    "blk.0.attn_q": (32, 32),
    "blk.0.attn_k": (16, 32),
    "blk.0.attn_v": (16, 32),
    "blk.0.attn_output": (32, 32),
    "blk.0.ffn_norm": (32,),
    "blk.0.ffn_gate": (64, 32),
    "blk.0.ffn_up": (64, 32),
    "blk.0.ffn_down": (32, 64),
}


@pytest.fixture
def write(gguf, tmp_path, rng):
    """Return a function that writes a small model and says what is in it."""

    def write(*, architecture="llama", without=(), shapes=None, packed=False, more=()):
        path = tmp_path / "model.gguf"
        writer = gguf.GGUFWriter(path, architecture)
        for name, value in SIZES.items():
            writer.add_uint32(f"{architecture}.{name}", value)
        writer.add_float32(f"{architecture}.attention.layer_norm_rms_epsilon", 1e-5)
        for name, value in more:
            writer.add_string(name, value)
        tensors = {}
        for name, shape in {**SHAPES, **(shapes or {})}.items():
            if name in without:
                continue
            values = rng.standard_normal(shape).astype(np.float32)
            kind = gguf.GGMLQuantizationType.Q8_0
            if packed and len(shape) == 2:
                stored = gguf.quants.quantize(values, kind)
                writer.add_tensor(f"{name}.weight", stored, raw_dtype=kind)
                values = gguf.quants.dequantize(stored, kind)
            else:
                writer.add_tensor(f"{name}.weight", values)
            tensors[f"{name}.weight"] = values
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return path, tensors

    return write


@pytest.mark.parametrize("packed", [False, True])
def test_weights_come_back(write, packed):
    path, tensors = write(packed=packed)
    found = read_gguf(path)
    assert found.config.kv_heads == 2
    assert found.config.head_size == 8
    assert found.config.vocabulary == 10
    assert found.config.rope_base == 10_000.0
    assert set(found.tensors) == set(tensors)
    for name, values in tensors.items():
        assert np.array_equal(found.tensors[name], values)
    model = Llama.from_checkpoint(found)
    assert model.forward(model.start(1), [[1, 2]]).shape == (1, 2, 10)
    assert np.array_equal(model.head, tensors["output.weight"])


def test_a_read_out_may_be_the_embedding(write):
    path, tensors = write(without=["output"])
    assert np.array_equal(Llama.from_checkpoint(read_gguf(path)).head, tensors["token_embd.weight"])


def test_rotary_factors_slow_the_turning(write):
    model = Llama.from_checkpoint(read_gguf(write()[0]))
    slow = Llama.from_checkpoint(read_gguf(write(shapes={"rope_freqs": (4,)})[0]))
    assert model.rope_factors is None
    np.testing.assert_allclose(slow._rotation[0][1, 0], np.cos(1 / slow.rope_factors[0]), rtol=1e-6)


@pytest.mark.parametrize("share", [0.2, 0.6, 0.99])
def test_files_that_are_cut_off(write, share, tmp_path):
    path, _ = write()
    whole = path.read_bytes()
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(CheckpointFormatError, match=rf"has {cut.stat().st_size} bytes.*cut off"):
        read_gguf(cut)


def test_files_of_other_kinds(write, tmp_path):
    other = tmp_path / "other.gguf"
    other.write_bytes(b"PK\x03\x04 something else")
    with pytest.raises(CheckpointFormatError, match=r"begins with b'PK"):
        read_gguf(other)
    other.write_bytes(b"")
    with pytest.raises(CheckpointFormatError, match=r"begins with b''"):
        read_gguf(other)
    with pytest.raises(FileNotFoundError, match="no file"):
        read_gguf(tmp_path / "absent.gguf")
    for arguments, says in (
        ({"architecture": "gpt2"}, "architecture 'gpt2'"),
        ({"without": ["blk.0.ffn_up"]}, r"no tensor blk\.0\.ffn_up\.weight"),
        ({"without": ["token_embd"]}, "no tensor token_embd"),
        ({"shapes": {"blk.0.attn_k": (32, 32)}}, r"attn_k.weight of shape \(32, 32\), expected \(16, 32\)"),
        ({"more": [("llama.rope.scaling.type", "yarn")]}, "scaling of type 'yarn'"),
    ):
        with pytest.raises(CheckpointFormatError, match=says):
            read_gguf(write(**arguments)[0])
