"""Plant mistakes one at a time in a copy of the tree and see which the claims, and which the tests, catch.

    python tests/checker/mutate.py [SUBJECT...] [--only NAME] [--output DIR]

A copy of a commit lies in the output folder. Its unchanged claims must end as expected; their evidence is
the start of every run, so that only claims whose code rests on the changed file are measured again. Then each
mutant of ``mutants/SUBJECT.toml`` is written into the copy, the papers' claims are verified at the quick size
with seed 0, and only where they all end as expected the tests run; a test that fails must pass without the
mistake. What came of it goes to ``results.json`` after every mutant; the same command goes on where it was
stopped. ``--again`` runs those once more that nothing caught, with the claims and tests of today's commit,
and keeps both outcomes; ``--table`` writes the table into ``README.md``.
"""

import argparse
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import _table
from _mutants import HERE, RESULTS, ROOT, digest, load, results, subjects
from _nearness import Nearness
from _verify import compiled_on

CLAIMS_CPU = 25  # seconds of processor time for the claims of one mutant, the nearest ones first
TESTS_CPU = 25  # and for its tests
COMPILING = 30  # more for each where kernels are compiled anew
PATIENCE = 3  # once a claim has caught it, others have this long to say so too
OVER = -1000  # stands for the exit status of what took too long
HANG = 20  # a unit that takes this long, and ten times as long as before, hangs
FOLDERS = (
    ".src",
    "theory",
    "kernels",
    "simulators",
    "verification",
    "papers",
    "tests",
    "pyproject.toml",
    "README.md",
)


class Workplace:
    """A copy of one commit, the evidence of its claims, and compiled kernels."""

    def __init__(self, output, commit):
        self.commit = subprocess.run(
            ["git", "rev-parse", commit], cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout.strip()
        self.folder = output.resolve()
        self.tree = self.folder / "tree"
        self.evidence = self.folder / "baseline"
        self.kernels = self.folder / "numba"
        self.seconds = {}
        self.more = 1
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.tree, ignore_errors=True)
        self.tree.mkdir()
        archive = subprocess.Popen(
            ["git", "archive", self.commit, "--", *FOLDERS], cwd=ROOT, stdout=subprocess.PIPE
        )
        subprocess.run(["tar", "-x", "-C", str(self.tree)], stdin=archive.stdout, check=True)
        if archive.wait():
            raise SystemExit(f"git archive {commit} failed")
        for path in self.tree.rglob("*.py"):
            if not path.is_symlink():
                stamped(path)
        self.nearness = Nearness(
            self.tree, ("theory", "kernels", "simulators", "verification", "papers", "tests")
        )

    def environment(self, kernels=None):
        one = dict.fromkeys(
            ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "NPROC"), "1"
        )
        return (
            os.environ
            | one
            | {
                "PYTHONPATH": str(self.tree / ".src"),
                "PYTHONSAFEPATH": "1",
                "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
                "NUMBA_CACHE_DIR": str(kernels or self.kernels),
                "MPLBACKEND": "Agg",
            }
        )

    def verify(self, papers, *, evidence, near=(), module="", kernels=None, stop, limit=None):
        """Return what ``_verify.py`` said, its exit status and the end of what it printed."""
        log = self.folder / "log.jsonl"
        log.unlink(missing_ok=True)
        task = {
            "papers": papers,
            "output": str(evidence),
            "seconds": self.seconds,
            "near": dict(near),
            "stop": stop,
            "patience": PATIENCE,
            "module": module,
            "kernels": str(kernels),
            "log": str(log),
        }
        done = run(
            [sys.executable, str(HERE / "_verify.py")],
            self.tree,
            self.environment(kernels),
            limit,
            text=json.dumps(task),
        )
        said = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        return said, done.returncode, done.stdout[-2000:]

    def pytest(self, paths, *, kernels=None, limit=TESTS_CPU + COMPILING):
        """Return the name of the first test that fails ("" where none does) and whether time was over."""
        there = [path for path in paths if (self.tree / path.partition("::")[0]).exists()]
        if not there:
            return "", False
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-x",
            "-q",
            "-p",
            "no:cacheprovider",
            "--no-header",
            *there,
        ]
        done = run(command, self.tree, self.environment(kernels), limit)
        if done.returncode in (0, 5, OVER):  # 5: no tests there
            return "", done.returncode == OVER
        lines = done.stdout.splitlines()
        named = [
            line.partition(" ")[2].partition(" - ")[0]
            for line in lines
            if line.startswith(("FAILED ", "ERROR "))
        ]
        return (named or [f"pytest ended with {done.returncode}"])[0], False

    def check(self, papers):
        """Measure the unchanged tree and end the program unless all is as expected."""
        said, code, output = self.verify(papers, evidence=self.evidence, stop=False)
        wrong = [line for line in said if "judged" in line]
        if code or wrong or not said or "end" not in said[-1]:
            raise SystemExit(f"the unchanged tree does not pass ({code}): {wrong or output}")
        known = self.folder / "seconds.json"
        self.seconds = json.loads(known.read_text()) if known.exists() else {}
        self.seconds |= {line["cost"]: line["seconds"] for line in said if "cost" in line}
        known.write_text(json.dumps(self.seconds))


def stamped(path):
    """Give a file a time that its content decides, so that nothing compiled from other content is taken."""
    number = int(hashlib.sha256(path.read_bytes()).hexdigest()[:7], 16)
    os.utime(path, (1_500_000_000 + number, 1_500_000_000 + number))


def run(command, folder, environment, limit, text=""):
    """Run ``command`` with a limit on its processor time: other load on the machine does not count.

    A limit set in the kernel would do, but under one Linux counts a process's time in ticks, and claims that
    time something see it.
    """
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            text=True,
        )
        process.stdin.write(text)
        process.stdin.close()
        start, over = time.monotonic(), False
        while process.poll() is None:
            time.sleep(0.2)
            over = limit is not None and (spent(process.pid) > limit or time.monotonic() - start > 20 * limit)
            if over:
                process.kill()
                process.wait()
        output.seek(0)
        code = OVER if over else process.returncode
        return subprocess.CompletedProcess(command, code, output.read())


def spent(pid):
    """Return the processor time of a running process in seconds."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def tried(place, mutant):
    """Plant ``mutant``, see what becomes of it, take it out again and return the entry for the results."""
    path = place.tree / mutant.file
    before = path.read_text()
    entry = {"change": mutant.change, "file": digest(path), "commit": place.commit[:7]}
    if before.count(mutant.old) != 1 or mutant.old == mutant.new:
        raise SystemExit(
            f"{mutant.key}: old must stand once in {mutant.file}, not {before.count(mutant.old)} times"
        )
    evidence, kernels, more = place.folder / "evidence", place.kernels, 0
    linked(place.evidence / "evidence", evidence / "evidence")
    if compiled_on(mutant.module, place.tree / ".src" / "tightbound"):
        kernels, more = place.folder / "kernels", COMPILING
        linked(place.kernels, kernels)
    near = place.nearness.of(before, mutant.old)
    start = time.monotonic()
    try:
        path.write_text(before.replace(mutant.old, mutant.new))
        stamped(path)
        said, code, output = place.verify(
            mutant.papers,
            evidence=evidence,
            module=mutant.module,
            kernels=kernels,
            stop=True,
            limit=place.more * CLAIMS_CPU + more,
        )
        entry |= judged(place, said, code, output)
        if entry["outcome"] == "survived":
            entry |= tested(place, mutant, near, kernels, more)
    finally:
        path.write_text(before)
        stamped(path)
    if "::" in entry.get("test", "") and place.pytest([entry["test"]])[0]:
        raise SystemExit(f"{mutant.key}: {entry['test']} fails without it too")
    return entry | {"seconds": round(time.monotonic() - start, 1)}


def linked(source, copy):
    """Copy a folder whose files are replaced, never changed."""
    shutil.rmtree(copy, ignore_errors=True)
    source.mkdir(exist_ok=True)
    shutil.copytree(source, copy, copy_function=os.link)


def judged(place, said, code, output):
    """Return what the claims made of a mutant."""
    caught = {line["judged"]: line["status"] for line in said if "judged" in line}
    ended = bool(said) and "end" in said[-1]
    measured = (
        said[-1]["measured"] if ended else sorted({line["started"] for line in said if "started" in line})
    )
    found = {"claims": caught, "measured": len(measured), "outcome": "claims" if caught else "survived"}
    if caught or ended:
        return found
    if code == OVER:
        last = [line for line in said if "started" in line][-1:]
        took = place.more * CLAIMS_CPU - last[0]["cpu"] if last else 0.0
        if last and took > max(HANG, 10 * place.seconds.get(last[0]["started"], 0.0)):
            return found | {"outcome": "timeout", "claims": {last[0]["started"]: "timeout"}}
        return found | {"claims cut": True}
    return found | {"outcome": "crash", "crash": f"{code}: {output.strip()[-300:]}"}


def tested(place, mutant, near, kernels, more):
    """Return what the tests make of a mutant: those of its own file first, then the nearest ones."""
    folder, _, name = mutant.file.rpartition("/")
    own = [f"tests/{folder}/test_{name.removeprefix('_')}"]
    if "def test" not in (place.tree / mutant.file).read_text():  # pytest would take such functions for tests
        own.insert(0, f".src/tightbound/{mutant.file}")
    others = {
        file.relative_to(place.tree).as_posix(): distance
        for tests in mutant.tests
        for file, distance in place.nearness.files(near, place.tree / tests)
        if file.name.startswith("test_")
    }
    found = {"outcome": "survived"}
    for paths in (own, [path for path in sorted(others, key=others.get) if path not in own]):
        failed, over = place.pytest(paths, kernels=kernels, limit=place.more * TESTS_CPU + more)
        if failed:
            return {"outcome": "tests", "test": failed}
        if over:
            found["tests cut"] = True
    return found


def keep(key, entry, path):
    """Write one entry; another run may be writing others."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        known = results(path)
        known[key] = entry
        text = json.dumps(dict(sorted(known.items())), indent=1, ensure_ascii=False) + "\n"
        path.with_suffix(".new").write_text(text)
        os.replace(path.with_suffix(".new"), path)
    finally:
        os.close(folder)


def wanted(mutant, known, again):
    """Whether ``mutant`` has to be run."""
    entry = known.get(mutant.key)
    if entry is None or entry["change"] != mutant.change:
        return not again
    if again:
        return (
            entry["outcome"] == "survived" and entry.get("later", {}).get("outcome", "survived") == "survived"
        )
    return entry["file"] != digest(ROOT / mutant.file)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("subjects", nargs="*", help="stems of the files under mutants; all where left out")
    parser.add_argument(
        "--only", action="append", help="the mutant of this name alone; may be given repeatedly"
    )
    parser.add_argument("--output", type=Path, default=Path(tempfile.gettempdir()) / "tightbound-mutants")
    parser.add_argument("--commit", default="HEAD", help="what is copied")
    parser.add_argument("--again", action="store_true", help="those that survived, at the present commit")
    parser.add_argument(
        "--table", action="store_true", help="write the table into README.md, and run nothing"
    )
    parser.add_argument("--more", type=int, default=1, help="times the processor time that each may take")
    options = parser.parse_args()
    if options.table:
        _table.write()
        return
    chosen = [mutant for subject in options.subjects or subjects() for mutant in load(subject)]
    if options.only:
        chosen = [mutant for mutant in chosen if mutant.name in options.only]
        if {mutant.name for mutant in chosen} != set(options.only):
            parser.error(f"there are no mutants of some of the names {options.only}")
    known = results()
    due = [mutant for mutant in chosen if wanted(mutant, known, options.again) or options.only]
    print(f"{len(due)} of {len(chosen)} mutants to run", flush=True)
    if not due:
        return
    place = Workplace(options.output, options.commit)
    place.more = options.more
    start = time.monotonic()
    place.check(sorted({paper for mutant in due for paper in mutant.papers}))
    print(f"the unchanged claims end as expected, after {time.monotonic() - start:.0f} s", flush=True)
    for position, mutant in enumerate(due, 1):
        entry = tried(place, mutant)
        if options.again and mutant.key in known:
            entry = known[mutant.key] | {"later": entry}
        keep(mutant.key, entry, RESULTS)
        shown = entry.get("later", entry)
        by = shown.get("test") or shown["claims"] or shown.get("crash", "")
        print(f"{position}/{len(due)} {mutant.key}: {shown['outcome']} {by} {shown['seconds']} s", flush=True)


if __name__ == "__main__":
    main()
