"""Speculative decoding (ICML 2023 and after): the classical results that other papers rest on."""

from tightbound.verification.paper import Paper

PAPER = Paper(
    key="speculative_core",
    title="Fast Inference from Transformers via Speculative Decoding, and what followed from it",
    authors=("Leviathan", "Kalman", "Matias", "Chen et al.", "Sun et al.", "Miao et al."),
    venue="ICML, NeurIPS, ICLR, ASPLOS",
    year=2023,
    arxiv="2211.17192",
)
