"""One claim in full, as a section of the page with an anchor of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element

from tightbound.verification import defaults
from tightbound.verification.claim import Claim
from tightbound.verification.report.html.bar import bar
from tightbound.verification.report.html.elements import Content, node
from tightbound.verification.report.html.formula import typeset
from tightbound.verification.report.html.pictures import Picture, link, separated
from tightbound.verification.report.show import READ_FROM, first_line
from tightbound.verification.report.text import NONE, Record, bound, duration, interval, number

_BAR = 300


def anchor(claim: object) -> str:
    """Return the id of a claim's section."""
    return "_".join(str(claim).split())


def article(
    record: Record, claim: Claim | None, others: Mapping[str, Record], pictures: Sequence[Picture]
) -> Element:
    """Return the section of one claim.

    Parameters
    ----------
    record : dict
        The verdict.
    claim : Claim, optional
        Its words; without it only what the record holds is shown.
    others : mapping from id to record
        Where the verdict on the correction is found.
    pictures : sequence of Picture
        Those drawn from this claim's evidence.
    """
    name = anchor(record["claim"])
    entries: list[tuple[str, Content]] = [
        ("Source", source(record)),
        ("Why", str(record.get("reason") or "")),
        ("Measured", _measured(record)),
        ("Control", _control(record)),
        ("Assumptions", _assumptions(record, claim)),
    ]
    if claim is not None:
        entries += [
            ("Bound", first_line(claim.bound) if claim.bound else ""),
            ("Counterexample", counterexample(claim)),
            ("Stands in", claim.substitutes),
        ]
    entries += [
        ("Corrected by", correction(record, others)),
        ("Figures", separated(link(picture.anchor, picture.title) for picture in pictures) or None),
        ("Judged by", node("code", str(record.get("statistic") or NONE))),
        ("Run", _run(record)),
        ("Reproduce", node("code", command(record), class_="command")),
    ]
    return node(
        "article",
        node(
            "h4",
            link(name, str(record["claim"]), class_="id"),
            " ",
            node("span", str(record["title"])),
            " ",
            badge(record),
            id=f"{name}-title",
        ),
        statement(claim),
        node(
            "dl",
            [
                [node("dt", term), node("dd", content)]
                for term, content in entries
                if content is not None and content != ""
            ],
        ),
        id=name,
        aria_labelledby=f"{name}-title",
        data_claim=record["claim"],
    )


def statement(claim: Claim | None) -> Element | None:
    """Return the statement, typeset."""
    return None if claim is None else node("p", typeset(claim.statement), class_="statement")


def badge(record: Record) -> Element:
    """Return the verdict as a word, with what was expected where that is worth saying."""
    status = str(record["status"])
    if not record["as_expected"]:
        return node("span", f"! {status}, not {record['expected']}", class_="badge wrong")
    return node("span", status if status == "pass" else f"{status}, as expected", class_=f"badge {status}")


def source(record: Record) -> Content:
    """Return where the statement stands and how it came to be known."""
    provenance = str(record.get("provenance") or "")
    return f"{record.get('source') or NONE} ({READ_FROM.get(provenance, provenance)})"


def counterexample(claim: Claim) -> Element | None:
    """Return the instance on which a false statement fails."""
    if not claim.counterexample:
        return None
    return node(
        "ul",
        [node("li", name, " = ", node("b", _value(value))) for name, value in claim.counterexample.items()],
        class_="plain",
    )


def correction(record: Record, others: Mapping[str, Record]) -> Content:
    """Return the claim that states the corrected result, with its verdict where it was judged too."""
    corrected = record.get("corrected_by")
    if not corrected:
        return None
    found = others.get(str(corrected))
    if found is None:
        return f"{corrected} (not part of this report)"
    return [link(anchor(corrected), str(corrected), class_="id"), " ", str(found["title"]), " ", badge(found)]


def command(record: Record) -> str:
    """Return the command that finds this one verdict again."""
    parts = ["tightbound verify", str(record["claim"])]
    if record.get("size"):
        parts.append(f"--size {record['size']}")
    if record.get("seed") is not None:
        parts.append(f"--seed {record['seed']}")
    level = record.get("level")
    if level is not None and level != defaults.LEVEL:
        parts.append(f"--level {level:g}")
    return " ".join(parts)


def _measured(record: Record) -> Content:
    found = record.get("control") or {}
    between = interval(record.get("low"), record.get("high"))
    against = number(found.get("bound")) if found.get("bound") != record.get("bound") else NONE
    numbers: list[tuple[str, str, str]] = [
        ("measured", "measured", number(record.get("estimate"))),
        ("", "", between) if between == "exact" else ("band", "interval", between),
        ("bound", "bound", bound(record)),
        ("", "ratio", number(record.get("tightness"))),
        ("", "without a theorem", number(record.get("trivial"))),
        ("control", "control", number(found.get("estimate"))),
        ("", "whose bound is", against),
    ]
    shown = [
        node(
            "li",
            node("span", class_=f"key {key}", aria_hidden="true") if key else None,
            f"{name} " if name else None,
            node("b", text),
        )
        for key, name, text in numbers
        if text != NONE
    ]
    return [bar(record, _BAR), node("ul", shown, class_="numbers")] if shown else None


def _control(record: Record) -> Content:
    found = record.get("control") or {}
    if not found:
        return None
    status, must = str(found.get("status") or NONE), str(found.get("must") or NONE)
    ended = f"ended in {status}, as it must" if status == must else f"ended in {status}, but must {must}"
    return [f"{ended}: {found.get('because') or NONE}"]


def _assumptions(record: Record, claim: Claim | None) -> Element | None:
    sentences = {entry.name: entry.sentence for entry in claim.assumptions} if claim else {}
    results: Mapping[str, bool] = record.get("assumptions") or {}
    names = [*sentences, *(name for name in results if name not in sentences)]
    said = {True: "holds", False: "does not hold", None: "not run"}
    return (
        node(
            "ul",
            [
                node("li", node("b", said[results.get(name)]), f": {sentences.get(name) or name}")
                for name in names
            ],
            class_="plain",
        )
        if names
        else None
    )


def _run(record: Record) -> Content:
    run: Mapping[str, Any] = record.get("run") or {}
    cells = [entry for entry in record.get("evidence") or () if entry.get("role") == "measure"]
    git: Mapping[str, Any] = run.get("git") or {}
    parts = [
        f"{record['size']} size" if record.get("size") else "",
        f"{len(cells)} instance{'s' * (len(cells) != 1)}" if cells else "",
        f"{record['n_replicates']} replications or more" if record.get("n_replicates", 0) > 1 else "",
        f"seed {record['seed']}" if record.get("seed") is not None else "",
        duration(run["wall_s"]) if run.get("wall_s") is not None else "",
        str(run.get("time") or ""),
        str(run.get("platform") or ""),
        f"commit {str(git['commit'])[:12]}{' with changes' * bool(git.get('dirty'))}"
        if git.get("commit")
        else "",
        " ".join(f"{name} {version}" for name, version in (record.get("versions") or {}).items()),
        f"record {str(record['key'])[:12]}" if record.get("key") else "",
    ]
    return " · ".join(part for part in parts if part)


def _value(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(_value(entry) for entry in value)
    return number(value, 6) if isinstance(value, float) else str(value)
