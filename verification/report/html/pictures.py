"""Figures inside a page: the picture as data, its caption, and what stands in for what."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote
from xml.etree.ElementTree import Element

from tightbound.verification.report.html.elements import Content, node
from tightbound.verification.report.text import printable


@dataclass(frozen=True)
class Picture:
    """A figure as it is shown.

    Parameters
    ----------
    paper, name : str
        As in ``tightbound reproduce PAPER/NAME``.
    title, caption : str
        One line, and what is printed under the figure.
    claims : tuple of str
        Ids of the claims whose evidence is drawn.
    substitutes : tuple of str
        What stands in for a language model, a robot, a video model.
    media_type : str
        Of the content: ``"image/svg+xml"`` or ``"image/png"``.
    content : bytes
        The file.
    wide : bool
        Whether it takes the width of the page rather than of a column.
    """

    paper: str
    name: str
    title: str
    caption: str
    claims: tuple[str, ...]
    substitutes: tuple[str, ...]
    media_type: str
    content: bytes
    wide: bool = False

    @property
    def anchor(self) -> str:
        """Id of the figure in the page."""
        return f"figure-{self.paper}-{self.name}"


def figure(picture: Picture, claims: Content, *more: Content, heading: str = "h4") -> Element:
    """Return the figure with its caption; ``claims`` says which they are, ``more`` follows the caption."""
    data = base64.b64encode(picture.content).decode("ascii")
    return node(
        "figure",
        node(heading, picture.title),
        node(
            "div",
            node("img", src=f"data:{picture.media_type};base64,{data}", alt=f"Figure: {picture.title}"),
            class_="canvas",
        ),
        node(
            "figcaption",
            node("p", picture.caption),
            [node("p", node("b", "Stands in: "), text) for text in picture.substitutes],
            node("p", "Drawn from the evidence of ", claims, "."),
            node("p", node("code", f"tightbound reproduce {picture.paper}/{picture.name}"), class_="command"),
            more,
        ),
        id=picture.anchor,
        class_="wide" if picture.wide else None,
    )


def link(anchor: str, content: Content, **attributes: object) -> Element:
    """Return a link to the element of this page with the id ``anchor``, or to a filter (``status=fail``)."""
    return node("a", content, href="#" + quote(printable(anchor), safe="="), **attributes)


def separated(content: Iterable[Content], by: str = ", ") -> list[Content]:
    """Return the parts with ``by`` between them."""
    found: list[Content] = []
    for part in content:
        found += [by, part] if found else [part]
    return found
