"""Every claim on planning by a language model; the claims themselves stand in ``checks``."""

from tightbound.papers.bail_planner.checks.exploration import EXPLORATION
from tightbound.papers.bail_planner.checks.inference import INFERENCE
from tightbound.papers.bail_planner.checks.multi_agent import MULTI_AGENT
from tightbound.papers.bail_planner.checks.naive import NAIVE
from tightbound.papers.bail_planner.checks.optimality import OPTIMALITY
from tightbound.papers.bail_planner.checks.pretraining import PRETRAINING
from tightbound.papers.bail_planner.checks.reporter import REPORTER
from tightbound.papers.bail_planner.checks.world_model import WORLD_MODEL

CLAIMS = (
    *INFERENCE,  # PLN-1, PLN-2, PLN-3, PLN-17
    *OPTIMALITY,  # PLN-4
    *NAIVE,  # PLN-5, PLN-6, PLN-7, PLN-10
    *EXPLORATION,  # PLN-8, PLN-9, PLN-11, PLN-19
    *PRETRAINING,  # PLN-12, PLN-13, PLN-14, PLN-20
    *REPORTER,  # PLN-15
    *WORLD_MODEL,  # PLN-16
    *MULTI_AGENT,  # PLN-18
)
