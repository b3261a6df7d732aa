"""Run the whole quick suite from many roots of random numbers: ``python tests/checker/seeds.py 1 20``.

One run calls any true claim false with probability at most 0.01 (Holm over all claims), so twenty runs
together are expected to raise 0.2 false alarms at most. A claim that ends inconclusive, or whose control
does not fail, is no false alarm but too little power; it is counted apart. Runs are kept in ``--output``,
one folder per root, and a run that was interrupted goes on; what was seen is written to ``seeds.json``
beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "seeds.json"


def verify(seed: int, output: Path, patterns: list[str], jobs: int) -> list[dict[str, Any]]:
    """Return the records of one run of the suite."""
    command = [sys.executable, "-m", "tightbound", "verify", *patterns, "--size", "quick", "--format", "json"]
    command += ["--seed", str(seed), "--jobs", str(jobs), "--output", str(output)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False, text=True)
    if done.returncode not in (0, 1):
        raise SystemExit(f"seeds: {' '.join(command)} ended with {done.returncode}")
    records: list[dict[str, Any]] = json.loads(done.stdout)
    return records


def summary(seed: int, records: list[dict[str, Any]]) -> dict[str, Any]:
    """Return how the claims of one run ended, and those that ended otherwise than expected."""
    return {
        "seed": seed,
        "claims": len(records),
        "statuses": dict(sorted(Counter(record["status"] for record in records).items())),
        "unexpected": {
            record["claim"]: record["status"] for record in records if record["status"] != record["expected"]
        },
    }


def main() -> None:
    """Run what is not known yet and write the results after each root."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("first", type=int)
    parser.add_argument("last", type=int)
    parser.add_argument("patterns", nargs="*")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--output", type=Path, default=Path(".tightbound/seeds"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    known = json.loads(given.results.read_text()) if given.results.exists() else []
    for seed in range(given.first, given.last + 1):
        if any(run["seed"] == seed for run in known):
            continue
        records = verify(seed, given.output / str(seed), given.patterns, given.jobs)
        known.append(summary(seed, records))
        given.results.write_text(json.dumps(known, indent=1) + "\n")
        print(json.dumps(known[-1]), flush=True)


if __name__ == "__main__":
    main()
