"""The frame of every page: head, style, script, and a policy under which the page can load nothing."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources

from tightbound.verification.report.html.elements import Content, node, write


def page(title: str, *content: Content, script: bool = False) -> str:
    """Return a whole HTML document.

    The policy in its head allows only this style, this script and pictures that are part of the page:
    whatever a statement or a reason holds, nothing of it runs and nothing is fetched.
    """
    css, js = asset("page.css"), asset("page.js") if script else ""
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_digest(css)}'; base-uri 'none'; form-action 'none'"
    )
    if script:
        policy += f"; script-src '{_digest(js)}'"
    document = node(
        "html",
        node(
            "head",
            node("meta", charset="utf-8"),
            node("meta", http_equiv="Content-Security-Policy", content=policy),
            node("meta", name="viewport", content="width=device-width, initial-scale=1"),
            node("meta", name="color-scheme", content="light dark"),
            node("title", title),
            node("style", css),
        ),
        node(
            "body",
            node("a", "Skip to the content", href="#content", class_="skip"),
            content,
            node("script", js) if script else None,
        ),
        lang="en",
    )
    return "<!doctype html>\n" + write(document)


def asset(name: str) -> str:
    """Return a text file that is shipped beside this module."""
    return (resources.files(__package__) / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
