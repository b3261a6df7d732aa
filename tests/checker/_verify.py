"""Verify the claims of some papers in the tree on the path, and tell line by line how it goes.

Reads a JSON object from standard input:

* ``papers``: whose claims; ``output``: folder of the evidence; ``near``: how near each function is to the
  change, ``seconds``: what each claim cost before (claims run in this order);
* ``stop``: whether to end once claims are known not to end as expected: at five, or ``patience`` seconds
  after the first;
* ``module``, ``kernels``: drop from this folder of compiled code what rests on this module.

Appends JSON objects to the file ``log``: ``{"started", "cpu"}``, ``{"judged", "status", "expected",
"reason"}`` and, at the end, ``{"end", "measured", "cpu"}``.
"""

import json
import re
import sys
import time
from pathlib import Path

AT_MOST = 5
IMPORTED = re.compile(r"from (tightbound[\w.]+) import (?:\(([^)]*)\)|(.*))")


class Enough(Exception):
    """More would not change the outcome."""


def drop_compiled(module, kernels, root):
    """Remove compiled functions that rest on ``module``: Numba looks at a function's own file alone."""
    for file in compiled_on(module, root):
        for compiled in kernels.rglob(f"{file.stem}.*"):
            compiled.unlink()


def compiled_on(module, root):
    """Return the files with compiled functions that rest on ``module``."""
    importers = {}
    paths = {}
    for layer in sorted(path for path in root.iterdir() if path.is_dir()):
        for file in layer.rglob("*.py"):
            own = ".".join(("tightbound", layer.name, *file.relative_to(layer).with_suffix("").parts))
            text = file.read_text()
            if "njit" in text:
                paths[own] = file
            for base, several, one in IMPORTED.findall(text):
                for name in (several or one).replace("\n", " ").split(","):
                    importers.setdefault(f"{base}.{name.strip().partition(' ')[0]}", set()).add(own)
                importers.setdefault(base, set()).add(own)
    reached, waiting = {module}, [module]
    while waiting:
        new = importers.get(waiting.pop(), set()) - reached
        reached |= new
        waiting += new
    return [paths[name] for name in sorted(reached & set(paths))]


def settled(record):
    """Whether a verdict is unexpected whatever Holm's steps do at the end: they make fails, nothing else."""
    if record["status"] == record["expected"]:
        return False
    return record["expected"] != "fail" or record["status"] in ("error", "invalid")


def distance(claim, near):
    """Return how few calls lie between the claim's functions and what was changed."""
    functions = (claim.measure, claim.bound, claim.control.measure, claim.control.bound)
    names = [getattr(getattr(one, "func", one), "__name__", "") for one in functions if one is not None]
    return min((near.get(name, 99) for name in names), default=99)


def main():
    task = json.load(sys.stdin)
    if task["module"]:
        import tightbound

        drop_compiled(task["module"], Path(task["kernels"]), Path(tightbound.__file__).parent)
    from tightbound.verification import registry
    from tightbound.verification.runner import verify

    near, seconds = task.get("near", {}), task["seconds"]
    claims = sorted(
        registry.claims(task["papers"]),
        key=lambda claim: (distance(claim, near), seconds.get(claim.id, 0.0)),
    )
    caught, measured, first = [], set(), [0.0]
    with open(task["log"], "a", buffering=1) as log:

        def say(**line):
            log.write(json.dumps(line) + "\n")

        def on_event(event):
            if event.kind == "started":
                say(started=event.claim, cpu=time.process_time())
            elif event.kind == "finished" and not event.cached:
                measured.add(event.claim)
            elif event.kind == "judged" and settled(event.record) and event.claim not in caught:
                first[0] = first[0] if caught else time.process_time()
                caught.append(event.claim)
                tell(event.record)
            late = time.process_time() > first[0] + task["patience"]
            if task["stop"] and (len(caught) >= AT_MOST or (caught and late)):
                raise Enough

        def tell(record):
            names = ("status", "expected", "reason")
            say(judged=record["claim"], **{name: record[name] for name in names})

        try:
            records = verify(
                claims,
                size="quick",
                seed=0,
                executor="serial",
                output=Path(task["output"]),
                family=registry.family(claims),
                on_event=on_event,
            )
        except Enough:
            records = []
        for record in records:
            if not record["as_expected"] and record["claim"] not in caught:
                tell(record)
        if not task["stop"]:
            for record in records:
                say(cost=record["claim"], seconds=record["run"]["wall_s"])
        say(end=True, measured=sorted(measured), cpu=time.process_time())


if __name__ == "__main__":
    main()
