"""Numbers printed in arXiv 2410.10781, each beside what the toy networks here give; none is measured here.

Single runs of language models of 60 million weights, 20 thousand steps on 5 billion tokens of the Pile unless
said. The sink metric is in percent, at threshold 0.3 and 64 tokens. How each number was read is part of it:
``text`` in the paper's appendix, ``summary`` in somebody's account of the paper that was not compared with
it, ``memory`` remembered. Nothing is judged by any of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from tightbound.verification.runner import ClaimEvidence

Read = Literal["text", "summary", "memory"]


class Here(NamedTuple):
    """Where the same is measured here: the array of a claim's evidence, in a cell with some entries.

    Its last evaluation, where it has several, is averaged over the runs and given in percent.
    """

    claim: str
    array: str
    role: Literal["measure", "control"] = "measure"
    cell: tuple[tuple[str, Any], ...] = ()
    column: int | None = None


@dataclass(frozen=True)
class Row:
    """One line: a setting, the number that is printed, and where the same is measured here.

    Parameters
    ----------
    setting : str
        What was trained or evaluated.
    paper : str
        As printed: the sink metric in percent, or several, named in the head of the table; loss in nats.
    read : {"text", "summary", "memory"}
        How it was read.
    here : tuple of Here
        Empty where nothing of the kind is measured here.
    """

    setting: str
    paper: str
    read: Read
    here: tuple[Here, ...] = ()


class Table(NamedTuple):
    """Lines that share a head."""

    title: str
    quantity: str
    rows: tuple[Row, ...]


def _rows(read: Read, *pairs: tuple[str, str]) -> tuple[Row, ...]:
    return tuple(Row(setting, paper, read) for setting, paper in pairs)


def _slot(kind: str) -> tuple[Here, ...]:
    cell = (("bias_slot", kind),)
    return Here("SINK-T3a", "greater", cell=cell), Here("SINK-T3a", "smaller", cell=cell)


def _norm(place: int) -> tuple[Here, ...]:
    return Here("SINK-T7a", "slot", column=place), Here("SINK-T7a", "first", column=place)


def _operation(name: str, normaliser: str, array: str) -> tuple[Here, ...]:
    role: Literal["measure", "control"] = "control" if normaliser == "sum" else "measure"
    return (Here("SINK-T2", array, role, (("operation", name), ("normaliser", normaliser))),)


FIRST = (Here("SINK-T1a", "sink"),)

TABLES = (
    Table(
        "Open models (Table 1)",
        "Sink_1 on natural / random / repeated tokens",
        (
            Row("GPT2-XL, natural tokens", "77.00", "memory"),
            Row("GPT2-XL, random tokens", "70.29", "summary"),
            Row("GPT2-XL, repeated tokens", "62.28", "text"),
            Row("Mistral-7B, natural tokens", "97.49", "summary"),
            Row("Mistral-7B, random tokens", "75.21", "memory"),
            Row("Mistral-7B, repeated tokens", "0", "memory"),
            Row("LLaMA2-7B, natural tokens", "92.47", "summary"),
            Row("LLaMA2-7B, random tokens", "90.13", "memory"),
            Row("LLaMA2-7B, repeated tokens", "0", "memory"),
            Row("LLaMA3-8B, natural / random tokens", "99.02 / 91.23", "summary"),
            Row("LLaMA3-8B, repeated tokens", "0", "memory"),
            *_rows(
                "summary",
                ("Mistral-7B, natural tokens, base / chat", "97.49 / 88.34"),
                ("LLaMA2-7B, base / chat", "92.47 / 92.88"),
                ("LLaMA2-13B, base / chat", "91.69 / 90.94"),
                ("LLaMA3-8B, base / chat", "99.02 / 98.85"),
            ),
            Row(
                "toy network of one layer, learned positions: problem / random / repeated tokens",
                "–",
                "text",
                tuple(Here("SINK-T5a", name) for name in ("text", "value", "repeated")),
            ),
        ),
    ),
    Table(
        "GPT2-XL, repeated tokens, position vector of token 1 replaced by that of t (Table 7)",
        "Sink_1",
        _rows(
            "text",
            ("as it is", "62.28"),
            ("t = 5", "0.20"),
            ("t = 10", "2.36"),
            ("t = 15", "7.73"),
            ("t = 20", "10.63"),
            ("t = 25", "10.97"),
        ),
    ),
    Table(
        "Learning rate and steps (Table 9)",
        "Sink_1 / loss",
        (
            Row("8e-4, 10k", "23.44 / 3.79", "text"),
            Row("8e-4, 20k", "32.23 / 3.70", "text"),
            Row("4e-4, 20k; here 0.01", "18.18 / 3.73", "text", FIRST),
            Row("2e-4, 20k", "11.21 / 3.78", "text"),
            Row("2e-4, 40k", "16.81 / 3.68", "text"),
            Row(
                "1e-4, 20k; here 0.0025, as many steps as 0.01",
                "2.90 / 3.92",
                "text",
                (Here("SINK-T6a", "slow", cell=(("slower", 4),)),),
            ),
            Row("1e-4, 80k", "6.29 / 3.67", "text"),
        ),
    ),
    Table(
        "Batch, tokens per step",
        "Sink_1",
        _rows("text", ("0.25M", "16.45"), ("0.5M", "17.19"), ("1M", "18.18"), ("2M", "16.19")),
    ),
    Table(
        "Data amount (Figures 5 and 28)",
        "Sink_1",
        (
            Row(
                "50M or 100M tokens; here 64 sequences",
                "< 1 for 5k steps",
                "text",
                (Here("SINK-T10a", "sink"),),
            ),
            Row("5B tokens; here all new", "keeps rising", "text", (Here("SINK-T10a", "endless"),)),
        ),
    ),
    Table(
        "A fixed token (Table 10), random tokens",
        "Sink at that position",
        (
            Row("fixed token at 1", "74.11", "text", FIRST),
            Row("fixed token at 2", "69.03", "text"),
            Row(
                "fixed token at 3",
                "69.64",
                "text",
                (Here("SINK-T4a", "sink", cell=(("fixed_position", 3),), column=2),),
            ),
            Row("first token uniform", "27.03", "summary"),
            Row("first two uniform: Sink_2 / Sink_1", "14.08 / 1.98", "summary"),
        ),
    ),
    Table(
        "Weight decay (Table 2)",
        "Sink_1 / loss",
        (
            Row("0", "15.20 / 3.72", "summary", FIRST),
            *_rows("summary", ("0.001", "15.39 / 3.72"), ("0.01", "15.23 / 3.72")),
            Row("0.1", "18.18 / 3.73", "summary", (Here("SINK-T8", "sink", "control", (("decay", 0.1),)),)),
            *_rows("summary", ("0.5", "41.08 / 3.80"), ("1", "37.71 / 3.90"), ("2", "6.13 / 4.23")),
            Row("5", "0.01 / 5.24", "summary", (Here("SINK-T8", "sink", cell=(("decay", 5.0),)),)),
        ),
    ),
    Table(
        "Positions (Table 3)",
        "Sink_1 / loss",
        _rows(
            "summary",
            ("none", "20.35 / 3.81"),
            ("sinusoidal", "32.73 / 3.74"),
            ("learned", "33.13 / 3.79"),
            ("relative", "35.53 / 5.45"),
            ("ALiBi", "20.78 / 3.71"),
            ("rotary", "18.18 / 3.73"),
            ("rotary, norm after each part: Sink_1", "13.54"),
        ),
    ),
    Table(
        "Feed-forward part (Table 11)",
        "Sink_1 / loss",
        _rows(
            "text",
            ("ReLU", "16.90 / 3.82"),
            ("GeLU", "14.76 / 3.79"),
            ("Swish", "17.89 / 3.80"),
            ("ReGLU", "13.88 / 3.75"),
            ("GeGLU", "17.86 / 3.73"),
            ("SwiGLU", "18.18 / 3.73"),
        ),
    ),
    Table(
        "Heads (Table 12)",
        "Sink_1 / loss",
        _rows(
            "text",
            ("8", "18.18 / 3.73"),
            ("4", "10.68 / 3.74"),
            ("2", "12.95 / 3.76"),
            ("1", "19.50 / 3.78"),
            ("8, added up", "21.76 / 3.74"),
        ),
    ),
    Table(
        "Slots (Table 4)",
        "Sink_* / Sink_1",
        (
            Row("none", "– / 18.18", "text", FIRST),
            Row("learned sink token", "74.12 / 0.00", "memory"),
            Row("KV bias", "72.76 / 0.04", "text", _slot("key_value")),
            Row("K bias", "73.34 / 0.00", "text", _slot("key")),
            Row("V bias", "– / 17.53", "memory", (Here("SINK-T3c", "value"),)),
            Row("KV bias, shared by heads", "56.61 / 12.44", "text"),
            Row("K bias, shared by heads", "68.31 / 0.23", "text"),
        ),
    ),
    Table(
        "K bias with a fixed value (Table 5)",
        "Sink_* / Sink_1",
        (
            Row("length 0", "73.34 / 0.00", "summary", _norm(0)),
            Row("1", "70.03 / –", "summary"),
            Row("5", "44.43 / –", "summary", _norm(-2)),
            Row("20", "1.51 / 25.88", "summary", _norm(-1)),
        ),
    ),
    Table(
        "K bias with few learned dimensions (Table 13)",
        "Sink_* / Sink_1",
        _rows(
            "text",
            ("1", "32.18 / 4.74"),
            ("2", "30.88 / 4.96"),
            ("4", "30.94 / 4.39"),
            ("8", "31.39 / 4.54"),
            ("16", "23.30 / 2.19"),
            ("32", "51.23 / 1.94"),
            ("64", "69.19 / 0.04"),
        ),
    ),
    Table(
        "Rows that sum to a (Table 14)",
        "Sink_1 / loss",
        _rows(
            "text",
            ("2", "29.10 / 3.72"),
            ("1", "18.18 / 3.73"),
            ("0.2", "9.41 / 3.72"),
            ("0.1", "3.59 / 3.76"),
            ("0.05", "4.53 / 3.78"),
        ),
    ),
    Table(
        "Attention operations (Table 15; * of the proxy)",
        "Sink_1 / loss",
        (
            Row("softmax", "18.18 / 3.73", "text", _operation("softmax", "sum", "sink")),
            Row("sigmoid, Z = 1", "0.44* / 3.70", "text", _operation("sigmoid", "none", "proxy_sink")),
            Row("sigmoid, normalised", "30.24 / 3.74", "text", _operation("sigmoid", "sum", "sink")),
            Row("elu + 1, Z = 1", "0.80* / 3.69", "text", _operation("elu1", "none", "proxy_sink")),
            Row("elu + 1, normalised", "training failure", "text", _operation("elu1", "sum", "sink")),
            Row("kernel elu + 1, normalised", "53.65* / 4.19", "text"),
            Row("identity kernel, Z = 1", "0.00* / 3.99", "text"),
            Row("MLP kernel, Z = max(|sum|, 1)", "0.19* / 3.85", "text"),
            Row("MLP kernel, Z = 1", "0.74* / 3.91", "text"),
            Row("kernel elu + 1 and identity with the other Z", "training failure", "text"),
            Row("softmax, 1B weights", "45.11 / 3.07", "text"),
            Row("sigmoid, Z = 1, 1B weights", "2.46* / 3.10", "text"),
        ),
    ),
)


def comparison(evidence: Mapping[str, ClaimEvidence] | None = None) -> str:
    """Return the tables in Markdown: the printed numbers, how they were read, and those measured here.

    Parameters
    ----------
    evidence : mapping from claim to ClaimEvidence, optional
        What was measured; a number that it lacks is left out.

    Returns
    -------
    str
        One table of four columns after each title.

    Examples
    --------
    >>> print(comparison().splitlines()[-1])
    | sigmoid, Z = 1, 1B weights | 2.46* / 3.10 | text | – |
    """
    found = evidence or {}
    lines: list[str] = []
    for table in TABLES:
        lines += [
            f"**{table.title}**",
            "",
            f"| | {table.quantity}, paper | read in | here, percent |",
            "|:--|:--|:--|:--|",
        ]
        for row in table.rows:
            measured = [_percent(found, here) for here in row.here]
            ours = " / ".join(measured) if any(number != "–" for number in measured) else "–"
            read = row.read if row.paper != "–" else "–"
            cells = (row.setting, row.paper, read, ours)
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        lines.append("")
    return "\n".join(lines[:-1])


def _percent(evidence: Mapping[str, ClaimEvidence], here: Here) -> str:
    if here.claim not in evidence:
        return "–"
    items = getattr(evidence[here.claim], here.role)
    for item in items:
        if all(item.cell.get(name) == value for name, value in here.cell) and here.array in item.data:
            values = np.asarray(item.data[here.array], np.float64)
            if values.ndim == 2:
                values = values[:, -1 if here.column is None else here.column]
            return f"{100.0 * values.mean():.1f}"
    return "–"
