"""The shipped draft at work, on a random model in place of the real one; and on the real one where it is."""

import numpy as np
import pytest

from tightbound.papers.longspec import draft_speed, real_draft
from tightbound.papers.longspec.checks import shipped_draft
from tightbound.papers.longspec.checks.shipped_draft import LS_3C, PARTS
from tightbound.papers.longspec.real_draft import (
    Rereading,
    accepted_by_place,
    compared,
    prompt,
    write,
)
from tightbound.simulators.language_models import smollm2
from tightbound.simulators.language_models.gguf_checkpoint import LlamaConfig
from tightbound.simulators.language_models.llama import Llama
from tightbound.simulators.speculative.drafter import Job, NoDraft
from tightbound.simulators.speculative.generate import Order, compare, generate
from tightbound.simulators.speculative.growth import Branching
from tightbound.simulators.speculative.long_spec import LongSpecSession
from tightbound.simulators.speculative.long_spec_block import LongSpecBlock, fingerprint_of
from tightbound.simulators.speculative.named_drafters import LONG_SPEC, Material, arm_lengths, named_arms
from tightbound.simulators.speculative.sampling import Sampling

CONFIG = LlamaConfig(
    vocabulary=41, context=256, width=16, inner=24, layers=2, heads=4, kv_heads=2, head_size=4
)
TEXT = np.random.default_rng(0).integers(41, size=200)
CELL = {"prompt": 20, "number": 0, "tokens": 10, "widths": (1, 1), "keys": 64}

needs_model = pytest.mark.skipif(
    bool(shipped_draft.SKIP) or not LONG_SPEC.is_file(), reason="SmolLM2-135M-Instruct is not installed"
)


@pytest.fixture(scope="module")
def model():
    return Llama.random(CONFIG, rng=0)


@pytest.fixture(scope="module")
def block(model):
    return LongSpecBlock.random(CONFIG, window=8, inner=24, fingerprint=fingerprint_of(model), rng=1)


@pytest.fixture
def small(model, block, monkeypatch):
    """Put the random model where the real one is asked for."""
    monkeypatch.setattr(smollm2, "load", lambda: smollm2.SmolLM2(model, None))
    monkeypatch.setattr(real_draft, "shipped", lambda: block)
    monkeypatch.setattr(draft_speed, "shipped", lambda: block)
    for module in (real_draft, draft_speed):
        monkeypatch.setattr(module, "prompt", lambda length, number: TEXT[number : number + length])


def test_a_prompt_is_read_once(model, monkeypatch):
    reading = Rereading.like(model)
    first = write(reading, NoDraft(), TEXT[:30], 8)
    assert first.tokens.tolist() == write(model, NoDraft(), TEXT[:30], 8).tokens.tolist()
    passes, forward = [], Llama.forward

    def counted(self, cache, tokens, **how):
        passes.append(np.shape(tokens))
        return forward(self, cache, tokens, **how)

    monkeypatch.setattr(Llama, "forward", counted)
    assert write(reading, NoDraft(), TEXT[:30], 8).tokens.tolist() == first.tokens.tolist()
    assert passes == [(1, 1)] * 8
    other = write(reading, NoDraft(), TEXT[1:31], 8)
    assert passes[8] == (1, 29)
    assert other.tokens.tolist() == write(model, NoDraft(), TEXT[1:31], 8).tokens.tolist()


def test_shapes_write_the_plain_text_and_a_table_tells_their_rounds(small, model, block):
    runs = compared(Rereading.like(model), block, TEXT[:30], 12)
    assert {tuple(run.tokens) for run in runs.values()} == {tuple(runs["plain decoding"].tokens)}
    rows = draft_speed.table(30, [runs, runs])
    assert [row["what"].split(",")[0] for row in rows] == [
        "plain decoding",
        "chain of 1",
        "chain of 5",
        "tree 2",
        "tree 4",
    ]
    rounds = runs["chain of 5"].decoding.completions[0].log.rounds
    assert f"{12 / rounds:.2f} tokens per round" in rows[2]["what"]
    assert rows[0]["ratio"] == 1.0


def test_acceptance_is_by_place(model, block):
    (run,) = [compared(model, block, TEXT[:30], 24, ["chain of 5"])["chain of 5"]]
    log = run.decoding.completions[0].log
    found = accepted_by_place(run.decoding, 5)
    assert found[0] == np.mean(log.accepted[log.drafted > 0] > 0)
    assert np.all((found >= 0.0) & (found <= 1.0))


def test_the_claim_holds_on_a_random_model_and_its_control_does_not(small):
    found = shipped_draft.texts_that_differ(CELL, np.random.default_rng(0))
    assert found["value"] == found["reference"] == found["ties"] == 0.0
    assert found["seconds"].shape == (1, len(PARTS))
    assert np.all(found["seconds"] >= 0.0)
    assert shipped_draft.texts_with_first_draft_unverified(CELL, np.random.default_rng(0))["value"] == 1.0
    assert LS_3C.control is not None


def test_prompts_are_held_out_and_there_are_so_many(monkeypatch):
    monkeypatch.setattr(real_draft, "held_out", lambda: np.arange(20_000))
    assert prompt(4, 1).tolist() == [9001, 9002, 9003, 9004]
    with pytest.raises(ValueError, match="20000 tokens"):
        prompt(4000, 2)


@needs_model
def test_the_shipped_draft_writes_the_greedy_text_of_the_real_model():
    target, tokenizer = smollm2.load()
    arms = named_arms(arm_lengths(["long_spec:4"], 4), Material(target, tokenizer))
    order = Order(target, tokenizer, tokenizer.encode("The median of a list is"), arms, max_new_tokens=12)
    found = generate(order)
    assert compare(order, found).text in ("equal", "near-tie")
    assert found.statistics()["drafters"][0]["name"] == "long_spec:4"


@needs_model
def test_the_state_of_the_shipped_draft_does_not_grow():
    target, block, states = smollm2.load().model, real_draft.shipped(), []
    for length in (1024, 8192):
        text = np.arange(length)
        session = LongSpecSession(Job(target, [text], [0], Sampling(), length), block, Branching.chain(4))
        session.catch_up([text], np.array([length - 1]))
        states.append(session.state_bytes)
    assert states == [4 * block.state_numbers] * 2 == [2 * 512 * 3 * 64 * 4] * 2
