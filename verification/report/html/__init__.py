"""Records as one HTML file that needs nothing from outside: ``render``; and the page of all figures."""

from tightbound.verification.report.html.gallery import render_gallery
from tightbound.verification.report.html.pictures import Picture
from tightbound.verification.report.html.report import render

__all__ = ["Picture", "render", "render_gallery"]
