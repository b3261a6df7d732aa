"""Every figure on one page, with its caption and what stands in for what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from urllib.parse import quote

import tightbound
from tightbound.verification.paper import Paper
from tightbound.verification.report.html.elements import node
from tightbound.verification.report.html.pictures import Picture, figure, link, separated
from tightbound.verification.report.html.shell import page


def render_gallery(
    pictures: Sequence[Picture], files: Mapping[str, str], *, papers: Iterable[Paper] = (), notes: str = ""
) -> str:
    """Return the page.

    Parameters
    ----------
    pictures : sequence of Picture
        In the order in which they are shown; those of one paper together.
    files : mapping from str to str
        Where each figure was written, relative to the page, by ``picture.anchor``.
    papers : iterable of Paper
        Titles, by key.
    notes : str
        What all figures have in common, e.g. the size of the instances.
    """
    titles = {paper.key: paper.title for paper in papers}
    groups = [(paper, list(group)) for paper, group in groupby(pictures, key=lambda picture: picture.paper)]
    sections = [
        node(
            "section",
            node("h2", titles.get(paper, paper), id=f"{paper}-title"),
            node(
                "div",
                [
                    figure(
                        picture,
                        separated(picture.claims),
                        node(
                            "p", "File: ", node("a", files[picture.anchor], href=quote(files[picture.anchor]))
                        )
                        if picture.anchor in files
                        else None,
                        heading="h3",
                    )
                    for picture in members
                ],
                class_="figures",
            ),
            id=paper,
            aria_labelledby=f"{paper}-title",
        )
        for paper, members in groups
    ]
    count = len(pictures)
    return page(
        "tightbound: all figures",
        node(
            "header",
            node("p", "tightbound", class_="kicker"),
            node("h1", "All figures"),
            node(
                "p",
                f"{count} figure{'s' * (count != 1)} of {len(groups)} paper{'s' * (len(groups) != 1)}.",
                class_="lead",
            ),
            node(
                "p",
                "The bound is a black line, the interval a band, the control dashed and grey. ",
                notes,
                class_="quiet",
            ),
            node(
                "nav",
                node("ul", [node("li", link(paper, titles.get(paper, paper))) for paper, _ in groups]),
                aria_label="Papers",
            ),
        ),
        node("main", sections, id="content", tabindex="-1"),
        node("footer", node("p", f"Made by tightbound {tightbound.__version__}.")),
    )
