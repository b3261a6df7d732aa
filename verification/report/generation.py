"""What ``tightbound generate`` says beside the text: a counter while it writes, then statistics."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from tightbound.verification.report.text import number

TEXTS = {
    "equal": "the text is that of plain decoding, token for token",
    "near-tie": "the texts part at token {place}, where two logits are {margin} apart: a tie in float32",
    "different": "the text is NOT that of plain decoding: they part at token {place}, logits {margin} apart",
}


class Counter:
    """Shows how far a text is on one line of a terminal, and nothing anywhere else.

    Parameters
    ----------
    total : int
        Most tokens.
    stream : TextIO
        Where it is shown.
    wanted : bool
        Whether to show it: not where the text itself appears on the same terminal.
    """

    def __init__(self, total: int, stream: TextIO, *, wanted: bool) -> None:
        self._total, self._stream = total, stream
        self._on = wanted and stream.isatty()
        self._rounds, self._width = 0, 0
        self._start: tuple[int, float] | None = None  # the first round waits for the prompt to be read

    def update(self, tokens: int) -> None:
        """Tell that another round is over."""
        self._rounds += 1
        if not self._on:
            return
        line, now = (
            f"{tokens}/{self._total} tokens, {tokens / self._rounds:.2f} per round",
            time.perf_counter(),
        )
        if self._start is None:
            self._start = tokens, now
        elif now > self._start[1]:
            line += f", {(tokens - self._start[0]) / (now - self._start[1]):.1f}/s"
        self._show(line)

    def close(self) -> None:
        """Take the line away."""
        if self._on:
            self._show("")
            self._stream.write("\r")
            self._stream.flush()

    def _show(self, line: str) -> None:
        self._stream.write("\r" + line.ljust(self._width))
        self._stream.flush()
        self._width = len(line)


def lines(statistics: Mapping[str, Any]) -> list[str]:
    """Return the statistics of a text in words, one line each."""
    seconds, drafters = statistics["seconds"], statistics["drafters"]
    ended = {"length": "at the limit", "eos": "by itself", "stop": "at a stop sequence"}
    found = [
        f"{statistics['tokens']} tokens in {statistics['rounds']} rounds, ended "
        f"{ended[statistics['outcome']]}",
        _rates(statistics),
        f"{number(statistics['tokens_per_second'])} tokens/s; prompt of {statistics['prompt_tokens']} tokens "
        f"read in {number(seconds['prefill'], 3)} s; drafting {number(seconds['draft'], 3)} s, target "
        f"{number(seconds['target'], 3)} s, verification {number(seconds['verify'], 3)} s",
    ]
    if len(drafters) > 1:
        found += [f"{one['name']}: {one['rounds']} rounds, {_rates(one)}" for one in drafters]
    plain = statistics.get("plain")
    if plain is not None:
        found.append(
            f"plain decoding {number(plain['tokens_per_second'])} tokens/s: speed-up "
            f"{number(plain['speedup'], 3)}"
        )
        if plain["text"] is not None:
            margin = number(plain["margin"], 2)
            found.append(TEXTS[plain["text"]].format(place=plain["place"], margin=margin))
    return found


def render_json(text: str, tokens: Sequence[int], statistics: Mapping[str, Any]) -> str:
    """Return text, token ids and statistics as one JSON object."""
    whole = {"text": text, "token_ids": list(tokens), **statistics}
    return json.dumps(whole, indent=2, allow_nan=False, ensure_ascii=False)


def say(text: Sequence[str]) -> None:
    """Print lines to standard error."""
    for line in text:
        print(line, file=sys.stderr)


def _rates(one: Mapping[str, Any]) -> str:
    if not one["rounds"]:
        return "never used"
    rate = one["acceptance_rate"]
    accepted = "nothing drafted" if rate is None else f"{100 * rate:.1f} % of drafted tokens accepted"
    return (
        f"{number(one['tokens_per_round'])} tokens per round ({number(one['accepted_per_round'])} without "
        f"the token after the drafts), {accepted}"
    )
