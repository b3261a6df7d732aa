"""What the command line prints on standard output for a person to read."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tightbound.verification.claim import Claim
from tightbound.verification.report import markdown
from tightbound.verification.report.show import sections
from tightbound.verification.report.table import LiveTable
from tightbound.verification.report.text import Record, wrapped

OFF_TERMINAL_WIDTH = 120


def console() -> Console:
    """Return a console on standard output; off a terminal it is plain and wide."""
    screen = Console(highlight=False, soft_wrap=False)
    if not screen.is_terminal and "COLUMNS" not in os.environ:
        screen.width = OFF_TERMINAL_WIDTH
    return screen


def live_table(claims: Sequence[Claim]) -> Callable[[Record], None]:
    """Print the header and return what prints one record."""
    screen = console()
    layout = LiveTable(screen.width, max((len(claim.id) for claim in claims), default=6))
    header_is_due = True

    def print_row(record: Record) -> None:
        nonlocal header_is_due
        for line in [layout.header()] * header_is_due + layout.row(record):
            screen.print(line, no_wrap=True, overflow="ignore", crop=False)
        header_is_due = False

    return print_row


def print_claims(claims: Sequence[Claim]) -> None:
    """Print what ``tightbound list`` shows."""
    screen = console()
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("claim", no_wrap=True)
    table.add_column("statement", ratio=1)
    table.add_column("source", max_width=28)
    table.add_column("expected", max_width=22)
    for claim in claims:
        table.add_row(claim.id, Text(claim.title), Text(claim.source), markdown.expected(claim))
    screen.print(table)
    papers = len({claim.paper for claim in claims})
    print(f"\n{len(claims)} claim{'s' * (len(claims) != 1)} of {papers} paper{'s' * (papers != 1)}")


def print_summary(lines: Sequence[str]) -> None:
    """Print the footer; what is not as expected stands out."""
    screen = console()
    screen.print()
    for line in lines:
        screen.print(Text(line, style="bold red" if "not as expected" in line else ""), soft_wrap=True)


def print_claim(claim: Claim, records: Sequence[Record]) -> None:
    """Print one claim in full, with the verdicts found for it."""
    screen = console()
    screen.print(Text.assemble((claim.id, "bold"), f"  {claim.title}  ({claim.paper})"), soft_wrap=True)
    for heading, text in sections(claim, records):
        if text:
            screen.print(Text(f"\n{heading}", style="bold"))
            for line in text.splitlines():
                for piece in wrapped(line, screen.width - 3) if screen.is_terminal else [line]:
                    screen.print(Text(f"  {piece}"), soft_wrap=True)
