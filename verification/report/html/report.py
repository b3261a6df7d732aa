"""The report of a run as one page: what was found on top, then every verdict, every figure, every claim."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from xml.etree.ElementTree import Element

import tightbound
from tightbound.verification.claim import STATUSES, Claim
from tightbound.verification.paper import Paper
from tightbound.verification.report.html.article import (
    anchor,
    article,
    badge,
    correction,
    counterexample,
    source,
    statement,
)
from tightbound.verification.report.html.bar import bar
from tightbound.verification.report.html.elements import Content, node
from tightbound.verification.report.html.pictures import Picture, figure, link, separated
from tightbound.verification.report.html.shell import page
from tightbound.verification.report.html.table import filters, verdicts
from tightbound.verification.report.text import Record, bound, interval, number, summary

_WORDS = {
    "pass": "the statement held on every instance, and its control did not",
    "fail": "there is evidence against the statement",
    "inconclusive": "the interval of what was measured holds the bound",
    "vacuous": "the bound is no better than what holds without any theorem, on all instances",
    "invalid": "an assumption does not hold, or the control did not end as it must",
    "error": "the computation broke off",
    "skipped": "not run, for the reason given",
    "measured": "on the instance that is nearest to its bound, or furthest beyond it",
    "bound": "with the side on which what was measured has to lie; after ≈ stands the value that it has to "
    "equal, within the tolerance of its statistic",
    "control": "a broken algorithm or a violated assumption, judged in the same way; it has to fail "
    "(for a false statement: a region where the statement does hold; it has to pass)",
    "tightness": "the largest ratio of measured to bound over all instances: 1 is tight",
    "text, abstract": "the statement was read in the paper, or in its abstract",
    "derived": "it was proved for this project; the proof stands beside the bound in the code",
    "recall": "it is remembered; such a constant decides no verdict by itself",
}


def render(
    records: Sequence[Record],
    claims: Iterable[Claim],
    level: float,
    *,
    papers: Iterable[Paper] = (),
    pictures: Sequence[Picture] = (),
) -> str:
    """Return the report as one HTML file without any reference to another one.

    Parameters
    ----------
    records : sequence of dict
        The verdicts, in the order in which they are listed.
    claims : iterable of Claim
        Where the words of each record are found, by id.
    level : float
        Chance of a false alarm in the whole run.
    papers : iterable of Paper
        Titles and authors, by key.
    pictures : sequence of Picture
        The figures that are shown.
    """
    words = {claim.id: claim for claim in claims}
    found = {str(record["claim"]): record for record in records}
    known = {paper.key: paper for paper in papers}
    sections = {
        "findings": ("Findings", _findings(records, words, found)),
        "verdicts": ("Verdicts", [filters(records), verdicts(records, words)] if records else None),
        "figures": ("Figures", _figures(pictures, found, known)),
        "claims": ("Claims in full", _claims(records, words, found, known, pictures)),
        "words": (
            "What the words mean",
            node("dl", [[node("dt", k), node("dd", v)] for k, v in _WORDS.items()]),
        ),
    }
    shown = {name: entry for name, entry in sections.items() if entry[1] is not None}
    return page(
        "tightbound: evidence report",
        node(
            "header",
            node("p", "tightbound", class_="kicker"),
            node("h1", "Evidence report"),
            _summary(records, level, sum(name not in found for name in words)),
            node(
                "nav",
                node("ul", [node("li", link(name, title)) for name, (title, _) in shown.items()]),
                aria_label="Parts of this page",
            ),
        ),
        node(
            "main",
            [
                node(
                    "section",
                    node("h2", title, id=f"{name}-title"),
                    content,
                    id=name,
                    aria_labelledby=f"{name}-title",
                )
                for name, (title, content) in shown.items()
            ],
            id="content",
            tabindex="-1",
        ),
        node("footer", node("p", f"Made by tightbound {tightbound.__version__}.", _newest(records))),
        script=True,
    )


def _summary(records: Sequence[Record], level: float, missing: int) -> list[Element]:
    counts = Counter(str(record["status"]) for record in records)
    tally, *lines = summary(records, level)
    papers = len({record["paper"] for record in records})
    wrong = any(not record["as_expected"] for record in records)
    sizes = sorted({str(record.get("size")) for record in records})
    seeds = sorted({str(record.get("seed")) for record in records})
    return [
        node(
            "p",
            f"{tally.partition(':')[0]} of {papers} paper{'s' * (papers != 1)}. ",
            _sentence(lines[0]) if records else "",
            f" No verdict yet on {missing} more that {'was' if missing == 1 else 'were'} asked for."
            if missing
            else "",
            class_="lead wrong" if wrong else "lead",
        ),
        node(
            "ul",
            [
                node(
                    "li",
                    link(
                        f"status={status}",
                        [node("b", str(counts[status])), f" {status}{_expected(status, records)}"],
                    ),
                    class_=status,
                )
                for status in STATUSES
                if counts[status]
            ],
            class_="tiles",
            aria_label="Claims by verdict",
        )
        if records
        else node("p", "No claim was judged."),
        node(
            "p",
            f"Size {', '.join(sizes)}; seed {', '.join(seeds)}. " if records else "",
            _sentence(lines[-1]),
            class_="quiet",
        ),
    ]


def _expected(status: str, records: Sequence[Record]) -> str:
    """Return the words that take the alarm out of a count such as "5 fail"."""
    known = status != "pass" and all(r["as_expected"] for r in records if r["status"] == status)
    return ", as expected" if known else ""


def _findings(records: Sequence[Record], words: Mapping[str, Claim], found: Mapping[str, Record]) -> Content:
    wrong = [record for record in records if not record["as_expected"]]
    false = [r for r in records if r["as_expected"] and r["status"] == "fail"]
    vacuous = [r for r in records if r["as_expected"] and r["status"] == "vacuous"]
    groups = (
        ("Not as expected", "These verdicts differ from what the project states.", wrong),
        (
            "False as stated",
            "Each fails on the instance given; what holds instead is named beside it.",
            false,
        ),
        ("Vacuous as stated", "The bound says no more than what holds without it.", vacuous),
    )
    shown = [
        [
            node("h3", f"{title} ({len(members)})"),
            node("p", explained, class_="quiet"),
            node("div", [_finding(r, words.get(str(r["claim"])), found) for r in members], class_="cards"),
        ]
        for title, explained, members in groups
        if members
    ]
    return shown or (node("p", "No statement among these claims is false or vacuous.") if records else None)


def _finding(record: Record, claim: Claim | None, found: Mapping[str, Record]) -> Element:
    instances = sum(entry.get("role") == "measure" for entry in record.get("evidence") or ())
    worst = f", of {instances} instances the one furthest beyond" if instances > 1 else ""
    numbers = [
        f"measured {number(record.get('estimate'))} ({interval(record.get('low'), record.get('high'))})",
        f" against a bound {bound(record)}",
        f", without a theorem {number(record['trivial'])}" if record.get("trivial") is not None else "",
        worst if record["status"] == "fail" else "",
    ]
    entries: list[tuple[str, Content]] = [
        ("Where", source(record)),
        ("Counterexample", counterexample(claim) if claim else None),
        ("Found", [bar(record, 220), node("div", numbers)] if record.get("estimate") is not None else None),
        ("Why", str(record.get("reason") or "") or None),
        ("Instead", correction(record, found)),
    ]
    return node(
        "div",
        node(
            "h4",
            link(anchor(record["claim"]), str(record["claim"]), class_="id"),
            " ",
            str(record["title"]),
            " ",
            badge(record),
        ),
        statement(claim),
        node(
            "dl",
            [[node("dt", term), node("dd", content)] for term, content in entries if content is not None],
        ),
        class_="card",
    )


def _figures(
    pictures: Sequence[Picture], found: Mapping[str, Record], known: Mapping[str, Paper]
) -> list[Element] | None:
    shown: list[Element] = []
    for paper, group in groupby(pictures, key=lambda picture: picture.paper):
        shown.append(node("h3", _title(paper, known)))
        shown.append(
            node(
                "div",
                [
                    figure(
                        picture,
                        separated(
                            link(anchor(name), name, class_="id") if name in found else name
                            for name in picture.claims
                        ),
                    )
                    for picture in group
                ],
                class_="figures",
            )
        )
    return shown or None


def _claims(
    records: Sequence[Record],
    words: Mapping[str, Claim],
    found: Mapping[str, Record],
    known: Mapping[str, Paper],
    pictures: Sequence[Picture],
) -> list[Element] | None:
    by_paper: dict[str, list[Record]] = {}
    for record in records:
        by_paper.setdefault(str(record["paper"]), []).append(record)
    return [
        node(
            "div",
            node("h3", _title(paper, known)),
            node("p", _cited(known[paper]), class_="quiet") if paper in known else None,
            [
                article(
                    record,
                    words.get(str(record["claim"])),
                    found,
                    [picture for picture in pictures if record["claim"] in picture.claims],
                )
                for record in members
            ],
            class_="paper",
        )
        for paper, members in by_paper.items()
    ] or None


def _title(paper: str, known: Mapping[str, Paper]) -> str:
    return known[paper].title if paper in known else paper


def _cited(paper: Paper) -> str:
    where = f"{paper.venue} {paper.year}" + (f", arXiv {paper.arxiv}" if paper.arxiv else "")
    return f"{', '.join(paper.authors)}. {where}. Here: {paper.key}."


def _newest(records: Sequence[Record]) -> str:
    times = [str((record.get("run") or {}).get("time") or "") for record in records]
    return f" Newest verdict: {max(times)}." if any(times) else ""


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."
