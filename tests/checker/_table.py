"""The table of ``README.md``, from ``results.json``."""

from _mutants import HERE, ROOT, digest, is_equivalent, load, results, subjects

BEGIN, END = "<!-- table -->", "<!-- end of table -->"
HEAD = ("subject", "planted", "run", "equivalent", "by claims", "by tests only", "by tests since", "alive")


def row(subject, known):
    """Count the mutants of a subject; an equivalent one is counted apart, whatever became of it."""
    counts = dict.fromkeys(HEAD[1:], 0)
    for mutant in load(subject):
        counts["planted"] += 1
        entry = known.get(mutant.key)
        if entry is None:
            continue
        counts["run"] += 1
        later = entry.get("later", {}).get("outcome", "survived")
        if is_equivalent(mutant):
            counts["equivalent"] += 1
        elif entry["outcome"] == "tests":
            counts["by tests only"] += 1
        elif entry["outcome"] != "survived":
            counts["by claims"] += 1
        elif later != "survived":
            counts["by tests since"] += 1
        else:
            counts["alive"] += 1
    return counts


def text():
    """Return the table, the shares below it, and every survivor with its reason."""
    known = results()
    rows = {subject: row(subject, known) for subject in subjects()}
    total = {name: sum(counts[name] for counts in rows.values()) for name in HEAD[1:]}
    lines = [f"| {' | '.join(HEAD)} |", "| --- |" + " ---: |" * (len(HEAD) - 1)]
    for name, counts in [*rows.items(), ("all", total)]:
        lines.append(
            f"| {name.replace('_', ' ')} | {' | '.join(str(counts[column]) for column in HEAD[1:])} |"
        )
    real = total["run"] - total["equivalent"]
    parts = [total["by claims"], total["by tests only"], total["by tests since"]]
    shares = [f"{100 * sum(parts[: k + 1]) / max(1, real):.0f} %" for k in range(3)]
    cut = sum(entry["outcome"] in ("tests", "survived") and "claims cut" in entry for entry in known.values())
    lines += [
        "",
        f"Of {real} mutants that were run and are not equivalent, claims alone catch {shares[0]} (at least), "
        f"claims and the tests of that time {shares[1]}, and with the tests written since {shares[2]}. "
        "Claims had 25 to 180 seconds of processor time, those nearest to the change first; of "
        f"{cut} mutants that no claim "
        "caught, not all claims that may see them could be run in that time.",
        *survivors(known),
    ]
    return "\n".join(lines)


def survivors(known):
    """Return a list of the mutants that nothing catches."""
    lines = []
    for subject in subjects():
        for mutant in load(subject):
            entry = known.get(mutant.key)
            if entry and "survived" == entry["outcome"] == entry.get("later", entry)["outcome"]:
                lines.append(f"- `{mutant.key}` ({mutant.file}): {mutant.survives or 'not explained'}")
    return ["", "Alive:", "", *lines] if lines else []


def stale(known):
    """Return the mutants whose file has changed since they were run."""
    return [
        mutant.key
        for subject in subjects()
        for mutant in load(subject)
        if mutant.key in known and known[mutant.key]["file"] != digest(ROOT / mutant.file)
    ]


def write():
    """Put the table between its marks in the page."""
    page = HERE / "README.md"
    before, _, rest = page.read_text().partition(BEGIN)
    page.write_text(f"{before}{BEGIN}\n\n{text()}\n\n{END}{rest.partition(END)[2]}")
    old = stale(results())
    if old:
        print(f"run on an older text of their file: {', '.join(old)}")
