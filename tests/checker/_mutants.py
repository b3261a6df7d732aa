"""The planted mistakes: what the files under ``mutants`` say, and what came of each."""

import hashlib
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RESULTS = HERE / "results.json"
KINDS = ("bound constant", "estimator", "update rule", "off by one", "sign", "boundary")
OUTCOMES = ("claims", "crash", "timeout", "tests", "survived")


@dataclass(frozen=True)
class Mutant:
    """One mistake: ``old``, which stands once in ``file``, becomes ``new``."""

    subject: str
    name: str
    kind: str
    file: str
    old: str
    new: str
    survives: str
    papers: tuple[str, ...]
    tests: tuple[str, ...]

    @property
    def key(self):
        return f"{self.subject}/{self.name}"

    @property
    def change(self):
        """Digest of the change itself."""
        return hashlib.sha256("\0".join((self.file, self.old, self.new)).encode()).hexdigest()[:16]

    @property
    def module(self):
        """Dotted name of the changed module."""
        return "tightbound." + self.file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def subjects():
    return tuple(sorted(path.stem for path in (HERE / "mutants").glob("*.toml")))


def load(subject):
    """Return the mutants of one subject in the order of its file."""
    content = tomllib.loads((HERE / "mutants" / f"{subject}.toml").read_text())
    unknown = set(content) - {"subject", "papers", "tests", "mutant"}
    if content.get("subject") != subject or unknown:
        raise ValueError(f"{subject}.toml: subject is {content.get('subject')!r}, unknown keys {unknown}")
    papers, tests = tuple(content["papers"]), tuple(content["tests"])
    found = []
    for entry in content["mutant"]:
        unknown = set(entry) - {"name", "kind", "file", "old", "new", "survives"}
        if unknown or entry["kind"] not in KINDS:
            raise ValueError(f"{subject}/{entry['name']}: kind {entry['kind']!r}, unknown keys {unknown}")
        found.append(
            Mutant(
                subject,
                *(entry[name] for name in ("name", "kind", "file", "old", "new")),
                entry.get("survives", ""),
                papers,
                tests,
            )
        )
    return tuple(found)


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def results(path=RESULTS):
    return json.loads(path.read_text()) if path.exists() else {}


def is_equivalent(mutant):
    """Whether no input tells the mutant from the original, which its ``survives`` then proves."""
    return mutant.survives.lower().startswith("equivalent")
