"""The planted mistakes are well formed and most have been run; running them is for ``mutate.py``."""

import ast
from collections import Counter
from pathlib import Path

import _mutants as mutants
import pytest

ROOT = Path(__file__).resolve().parents[2]
SUBJECTS = (
    "attention",
    "bandits",
    "chain_of_thought",
    "graphon_games",
    "in_context",
    "kernels",
    "language_models",
    "planning",
    "speculative",
    "verification",
    "video",
)


PLANTED = [mutant for subject in mutants.subjects() for mutant in mutants.load(subject)]


def test_every_subject_has_mutants():
    assert mutants.subjects() == SUBJECTS
    assert len(PLANTED) >= 100


def test_names_are_unique():
    repeated = [key for key, number in Counter(mutant.key for mutant in PLANTED).items() if number > 1]
    assert not repeated


@pytest.mark.parametrize("subject", mutants.subjects())
def test_each_change_fits_its_file_once_and_leaves_it_python(subject):
    for mutant in mutants.load(subject):
        text = (ROOT / mutant.file).read_text()
        assert text.count(mutant.old) == 1, f"{mutant.key}: {text.count(mutant.old)} times in {mutant.file}"
        changed = text.replace(mutant.old, mutant.new)
        assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(text)), f"{mutant.key} changes nothing"


@pytest.mark.parametrize("subject", mutants.subjects())
def test_papers_and_tests_of_a_subject_exist(subject):
    for mutant in mutants.load(subject)[:1]:
        assert all((ROOT / "papers" / paper / "claims.py").is_file() for paper in mutant.papers)
        assert all((ROOT / path).exists() for path in mutant.tests)


def test_results_are_those_of_the_mutants_as_they_stand():
    known = mutants.results()
    other = [m.key for m in PLANTED if m.key in known and known[m.key]["change"] != m.change]
    assert not other, f"run mutate.py for {other}"
    gone = set(known) - {mutant.key for mutant in PLANTED}
    assert not gone, f"results.json holds mutants that no file plants: {gone}"


def test_at_least_100_were_run_and_some_of_each_subject():
    known = mutants.results()
    assert len(known) >= 100
    assert {key.partition("/")[0] for key in known} == set(SUBJECTS)


def test_every_survivor_is_explained_and_only_they_are():
    known = mutants.results()
    for mutant in PLANTED:
        if mutant.key not in known:
            continue
        entry = known[mutant.key]
        outcome = entry.get("later", entry)["outcome"]
        assert outcome in mutants.OUTCOMES
        assert bool(mutant.survives) == (outcome == "survived"), (
            f"{mutant.key} {outcome}: {mutant.survives!r}"
        )
