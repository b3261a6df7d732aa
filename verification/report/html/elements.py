"""Elements of a page as a tree, so that no text, however hostile, can become markup."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from tightbound.verification.report.text import printable

Content = str | Element | None | Iterable["Content"]
"""What an element may hold: text, elements, nothing, or a sequence of these."""


def node(tag: str, *content: Content, **attributes: object) -> Element:
    """Return an element; an attribute that is None or False is left out, True is an empty attribute.

    Underscores in attribute names become dashes, and one at the end is dropped: ``class_``, ``aria_label``.

    Examples
    --------
    >>> write(node("p", "1 < 2 ", node("b", "and"), " more", class_="x", hidden=False))
    '<p class="x">1 &lt; 2 <b>and</b> more</p>'
    """
    made = Element(tag)
    for name, value in attributes.items():
        if value is not None and value is not False:
            made.set(
                name.rstrip("_").replace("_", "-") if name != "viewBox" else name,
                "" if value is True else printable(value),
            )
    append(made, content)
    return made


def append(parent: Element, content: Content) -> None:
    """Add ``content`` at the end of ``parent``."""
    if content is None:
        return
    if isinstance(content, Element):  # an element is iterable too
        parent.append(content)
    elif isinstance(content, str):
        text = printable(content)
        if len(parent):
            parent[-1].tail = (parent[-1].tail or "") + text
        else:
            parent.text = (parent.text or "") + text
    else:
        for part in content:
            append(parent, part)


def write(tree: Element) -> str:
    """Return the element as HTML."""
    return ElementTree.tostring(tree, encoding="unicode", method="html")
