"""The command ``tightbound``. Data goes to standard output, everything else to standard error."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, CycloptsError, Parameter
from cyclopts.validators import Number

import tightbound
from tightbound.verification import defaults, ledger, registry
from tightbound.verification.claim import Claim
from tightbound.verification.errors import EvidenceError, ExecutorError, OutputError
from tightbound.verification.grid import Size
from tightbound.verification.ledger import Record
from tightbound.verification.report import json as json_report
from tightbound.verification.report import markdown, terminal
from tightbound.verification.report.text import summary

if TYPE_CHECKING:
    from tightbound.verification.events import Event
    from tightbound.verification.peers import Pair

EXIT_OK, EXIT_UNEXPECTED, EXIT_USAGE, EXIT_INTERRUPTED = 0, 1, 2, 130


class UsageError(Exception):
    """The command line asks for something that does not exist."""


app = App(
    name="tightbound",
    help="Check statements of papers by computation: bound, measurement, interval and negative control.",
    help_epilogue="Exit status: 0 all as expected, 1 something is not, 2 wrong usage, 130 interrupted.",
    help_format="plaintext",
    version=tightbound.__version__,
    suppress_keyboard_interrupt=False,
    result_action="return_value",
    print_error=False,
    exit_on_error=False,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments after the program's name; those of the process if left out.

    Returns
    -------
    int
        0 all as expected, 1 something is not (or could not be written), 2 wrong usage, 130 interrupted.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a statement may hold letters that the terminal lacks
    try:
        code = app(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
    except (CycloptsError, UsageError) as error:
        _complain(str(error))
        return EXIT_USAGE
    except KeyboardInterrupt:
        _complain("interrupted; what was finished is kept, and the same command goes on from there")
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader, e.g. head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_UNEXPECTED
    except (EvidenceError, ExecutorError, OutputError) as error:
        _complain(str(error))
        return EXIT_UNEXPECTED
    return code if isinstance(code, int) else EXIT_OK


@app.command(name="list", sort_key=1, usage="Usage: tightbound list [PATTERN...] [OPTIONS]")
def list_(
    *patterns: str,
    paper: str | None = None,
    fmt: Annotated[Literal["table", "json", "markdown"], Parameter(name="--format")] = "table",
) -> int:
    """List the claims.

    Parameters
    ----------
    patterns
        Ids, globs over ids ("BS-*") or papers; all claims if left out.
    paper
        Only the claims of this paper.
    fmt
        How they are written.
    """
    claims = _claims(patterns, paper)
    if fmt == "markdown":
        print(markdown.render_claims(claims))
    elif fmt == "json":
        print(json_report.render_claims(claims))
    else:
        terminal.print_claims(claims)
    return EXIT_OK


@app.command(sort_key=2, usage="Usage: tightbound verify [PATTERN...] [OPTIONS]")
def verify(
    *patterns: str,
    size: Size | None = None,
    seed: Annotated[int | None, Parameter(validator=Number(gte=0))] = None,
    jobs: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    executor: Literal["serial", "local", "dask", "slurm"] = "local",
    scheduler: str | None = None,
    budget: Annotated[float | None, Parameter(validator=Number(gt=0))] = None,
    level: Annotated[float, Parameter(validator=Number(gt=0, lt=1))] = defaults.LEVEL,
    from_: Annotated[Path | None, Parameter(name="--from")] = None,
    output: Path = defaults.OUTPUT,
    fmt: Annotated[
        Literal["table", "json", "junit", "markdown", "html"], Parameter(name="--format")
    ] = "table",
    no_cache: Annotated[bool, Parameter(negative="")] = False,
    durations: Annotated[
        int | bool | None, Parameter(negative="", metavar="[N]", validator=Number(gte=1))
    ] = None,
) -> int:
    """Check claims and print a verdict for each.

    Parameters
    ----------
    patterns
        Ids, globs over ids ("BS-*") or papers; all claims if left out.
    size
        How large the instances are: quick (the default, minutes), standard or full (a cluster). With
        --budget and without --size, each claim gets the largest size that is expected to fit.
    seed
        Root of all random numbers; 0 if left out. The result depends on it alone, not on --jobs.
    jobs
        Workers to use; by default one per processor, or what the cluster has.
    executor
        Where the work runs: in this process, in processes of this machine, on the workers of a dask
        scheduler, or in Slurm jobs.
    scheduler
        Address of the dask scheduler; by default DASK_SCHEDULER_ADDRESS, else one is started on this machine.
        For slurm "local" or "debug" to try it on a machine without Slurm.
    budget
        Seconds to spend; claims that would take longer are skipped.
    level
        Chance that any claim of the run is called false although all hold.
    from_
        Judge again what this ledger (or its folder) holds, the newest of each claim, and simulate nothing.
    output
        Folder for the ledger and the evidence.
    fmt
        How the verdicts are written. html is one page, with figures and every claim in full: "> report.html".
    no_cache
        Measure again what is already stored.
    durations
        Also show the slowest claims (10, or the number given) and the time per paper against the budget of a
        whole run; beside formats other than the table on standard error.
    """
    from tightbound.verification import runner
    from tightbound.verification.report import junit
    from tightbound.verification.report.progress import ProgressBar

    if scheduler is not None:
        _check_scheduler(executor, scheduler)
    start = time.perf_counter()
    claims = _claims(patterns)
    print_row = terminal.live_table(claims) if fmt == "table" else _nothing
    if from_ is not None:
        if jobs is not None or budget is not None or no_cache:
            raise UsageError(
                "--from judges what is stored and runs nothing: leave out --jobs, --budget and --no-cache"
            )
        records = _rejudge(claims, from_, level=level, size=size, seed=seed)
        for record in records:
            print_row(record)
    else:
        with ProgressBar(claims, size, jobs) as bar:

            def on_event(event: Event) -> None:
                bar.update(event)
                if event.kind == "judged" and event.record is not None:
                    with bar.away():
                        print_row(event.record)

            records = runner.verify(
                claims,
                size=size,
                seed=defaults.SEED if seed is None else seed,
                level=level,
                executor=executor,
                jobs=jobs,
                scheduler=scheduler,
                output=output,
                cache=not no_cache,
                budget=budget,
                family=registry.family(
                    claims
                ),  # a claim's verdict must not depend on what else was asked for
                on_event=on_event,
            )
    if fmt == "table":
        terminal.print_summary(summary(records, level, time.perf_counter() - start))
    elif fmt == "json":
        print(json_report.render(records))
    elif fmt == "junit":
        print(junit.render(records))
    elif fmt == "markdown":
        print(markdown.render(records, level))
    else:
        print(_page(records, claims, level, folder=_folder(from_ or output)))
    if durations:
        from tightbound.verification.report import durations as duration_report

        count = duration_report.SLOWEST if durations is True else durations
        where = sys.stdout if fmt == "table" else sys.stderr
        print("\n" + duration_report.render(records, claims, count), file=where)
    return EXIT_OK if all(record["as_expected"] for record in records) else EXIT_UNEXPECTED


@app.command(sort_key=3, usage="Usage: tightbound reproduce PAPER[/FIGURE]... [OPTIONS]")
def reproduce(
    *figures: str,
    all_: Annotated[bool, Parameter(name="--all", negative="")] = False,
    size: Size = "quick",
    output: Path = defaults.OUTPUT,
    fmt: Annotated[Literal["png", "pdf", "svg"], Parameter(name="--format")] = "png",
    check: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Draw the figures of papers from evidence, measuring what is missing.

    Parameters
    ----------
    figures
        A paper for all its figures that can be drawn here, or one figure of it as "paper/figure".
    all_
        Every figure of every paper, and a page that shows them all: figures/gallery.html.
    size
        How large the instances are.
    output
        Folder of the evidence; the figures come under figures/ in it, each with its caption and its data.
    fmt
        File format of the figures.
    check
        Compare the data with the reference data in the package (quick size only); differences exit with 1.
    """
    from tightbound.verification import reproduce as engine
    from tightbound.verification.report.progress import ProgressBar

    if all_ and figures:
        raise UsageError("--all draws every figure: name none beside it")
    if not (figures or all_):
        example = f"'tightbound reproduce {registry.PAPERS[0]}'"
        raise UsageError(f"name a paper or a figure, e.g. {example}, or say --all")
    if check and size != "quick":
        raise UsageError(f"--check compares with data of the quick size: leave out --size {size}")
    try:
        chosen = engine.select(figures)
    except ValueError as error:
        raise UsageError(str(error)) from error
    outcomes = []
    with ProgressBar() as bar:
        for paper, figure in chosen:
            if f"{paper}/{figure.name}" not in figures and (reason := engine.not_run(figure)):
                with bar.away():
                    print(f"{paper}/{figure.name}  left out: {reason}", file=sys.stderr, flush=True)
                continue
            outcome = engine.reproduce(
                paper, figure, size=size, output=output, fmt=fmt, check=check, on_event=bar.update
            )
            outcomes.append(outcome)
            with bar.away():
                print(f"{paper}/{figure.name}  {outcome.path}  {outcome.verdict}".rstrip(), flush=True)
    if all_:
        print(f"all  {engine.gallery(outcomes, size=size, output=output)}")
    return EXIT_OK if all(outcome.good for outcome in outcomes) else EXIT_UNEXPECTED


@app.command(sort_key=4, usage="Usage: tightbound show CLAIM")
def show(claim: str, /) -> int:
    """Show one claim in full, with its last verdicts in .tightbound.

    Parameters
    ----------
    claim
        Id of the claim.
    """
    found = _claims([claim])
    if len(found) > 1:
        ids = ", ".join(entry.id for entry in found[:5])
        raise UsageError(f"{claim!r} selects {len(found)} claims ({ids}, ...): show takes one id")
    stored, _ = _stored(defaults.OUTPUT)
    terminal.print_claim(found[0], [r for r in ledger.latest(stored) if r["claim"] == found[0].id])
    return EXIT_OK


@app.command(sort_key=5, usage="Usage: tightbound bench [NAME...] [OPTIONS]")
def bench(
    *names: str,
    peers: Annotated[bool, Parameter(negative="")] = False,
    fmt: Annotated[Literal["table", "json", "markdown"], Parameter(name="--format")] = "table",
) -> int:
    """Measure speed, each time beside what it is compared with.

    Parameters
    ----------
    names
        Benchmarks, globs over their names, or papers; all if left out.
    peers
        Only problems that other packages solve too, in one table: results are compared first, then processor
        time on one thread, in turns. What is not installed is listed with the command that installs it.
    fmt
        How the rows are written.
    """
    from tightbound.verification import bench as engine
    from tightbound.verification.executors.pinning import applied, surroundings
    from tightbound.verification.peers import PeerBenchmark
    from tightbound.verification.report import bench as bench_report

    try:
        chosen = engine.select(names, registry.keys(), peers=peers)
    except ValueError as error:
        raise UsageError(str(error)) from error
    runs = []
    alone = all(isinstance(benchmark, PeerBenchmark) for benchmark in chosen)
    with applied(surroundings(threads=False) if alone else {}):  # one thread for JAX, which starts only once
        for benchmark in chosen:
            rows = benchmark.run(_announce) if isinstance(benchmark, PeerBenchmark) else list(benchmark.run())
            runs.append((benchmark, rows))
            if fmt == "table":
                terminal.console().print(bench_report.table(benchmark, rows))
    if fmt == "json":
        print(bench_report.render_json(runs))
    elif fmt == "markdown":
        print(bench_report.render_markdown(runs))
    return EXIT_UNEXPECTED if any(row.get("failed") for _, rows in runs for row in rows) else EXIT_OK


@app.command(sort_key=6, usage="Usage: tightbound generate PROMPT [OPTIONS]")
def generate(
    prompt: Annotated[str, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    drafter: Annotated[list[str] | None, Parameter(negative="")] = None,
    policy: str | None = None,
    model: Path | None = None,
    max_new_tokens: int = 128,
    temperature: float = 0.0,
    top_k: int = 0,
    top_p: float = 1.0,
    gamma: int = 4,
    seed: int = 0,
    chat: Annotated[bool | None, Parameter(name="--chat", negative="--raw")] = None,
    compare: Annotated[bool, Parameter(negative="")] = False,
    memory: Path | None = None,
    keys: int = 256,
    draft_model: Path | None = None,
    draft_weights: Path | None = None,
    fmt: Annotated[Literal["text", "json"], Parameter(name="--format")] = "text",
) -> int:
    """Write a text with a language model, several tokens per pass; the text is that of plain decoding.

    The text goes to standard output while it is made, statistics to standard error. With --compare, a greedy
    text that is not that of plain decoding exits with 1, unless two logits are in no certain order.

    Parameters
    ----------
    prompt
        What to continue or, in a chat, to answer; "-" reads standard input, "@FILE" a file.
    drafter
        What proposes tokens, as NAME or NAME:LENGTH: none, prompt_lookup (the default), suffix_automaton,
        datastore, ngram, layer_skip, separate_model, sparse_to_dense or long_spec. Given several times, a
        policy picks one for each round.
    policy
        How it picks: ucb_spec (the default), exp3_spec, thompson, kl_ucb, released_ucb, ucb1, greedy,
        round_robin, or fixed (the first drafter).
    model
        GGUF file of a Llama-family model; by default SmolLM2-135M-Instruct.
    max_new_tokens
        Most tokens to write.
    temperature
        0 writes the likeliest tokens, 1 samples from the model as it is.
    top_k
        Sample among so many likeliest tokens; 0 keeps all.
    top_p
        Sample among the likeliest tokens that make up this share of probability.
    gamma
        Longest draft of drafters without a LENGTH; 0 drafts nothing.
    seed
        Root of all random numbers.
    chat
        Whether the prompt is a message to answer or, with --raw, a text to continue; by default a message
        where the model knows the marks of a chat.
    compare
        Write the text again without drafts, and compare speed and text.
    memory
        Text file for datastore and ngram; by default Python's help topics.
    keys
        Keys that sparse_to_dense keeps of a long prompt.
    draft_model
        GGUF file of the model of separate_model.
    draft_weights
        Weights of long_spec; by default those for SmolLM2-135M-Instruct.
    fmt
        text, or one JSON object with text, tokens and statistics at the end.
    """
    from tightbound.verification.executors.pinning import applied, surroundings
    from tightbound.verification.report import generation

    with applied(surroundings(threads=False)):
        from tightbound.simulators.language_models.language_model import ContextOverflowError
        from tightbound.simulators.speculative import generate as engine
        from tightbound.simulators.speculative.request import Request

        try:
            request = Request(
                _prompt(prompt),
                tuple(drafter or ("prompt_lookup",)),
                policy,
                model=model,
                chat=chat,
                gamma=gamma,
                max_new_tokens=max_new_tokens,
                temperature=temperature,
                top_k=top_k,
                top_p=top_p,
                seed=seed,
                memory=None if memory is None else _read(memory),
                keys=keys,
                draft_model=draft_model,
                draft_weights=draft_weights,
            )
            order = request.order()
        except (ValueError, TypeError, OSError, ModuleNotFoundError) as error:
            raise UsageError(str(error)) from error
        names = ", ".join(order.arms)
        generation.say([f"{order.prompt.size} tokens of prompt, at most {max_new_tokens} new ones; {names}"])
        streaming = fmt == "text"
        same_screen = streaming and sys.stdout.isatty()
        counter = generation.Counter(max_new_tokens, sys.stderr, wanted=not same_screen)

        def on_text(text: str, tokens: int) -> None:
            if streaming:
                print(text, end="", flush=True)
            counter.update(tokens)

        try:
            if compare:
                engine.warm_up(order)
            found = engine.generate(order, on_text)
            counter.close()
            if streaming:
                print(flush=True)
            statistics = found.statistics()
            if compare:
                generation.say(["now the same without drafts, to compare"])
                statistics["plain"] = vars(engine.compare(order, found))
        except ContextOverflowError as error:  # that of a model that drafts
            raise UsageError(str(error)) from error
        except KeyboardInterrupt:
            counter.close()
            if streaming:
                print(flush=True)
            _complain("interrupted")
            return EXIT_INTERRUPTED
        if not streaming:
            print(generation.render_json(found.text, found.decoding.tokens[0], statistics))
        generation.say(generation.lines(statistics))
    same = statistics.get("plain", {}).get("text") != "different"
    return EXIT_OK if same else EXIT_UNEXPECTED


@app.command(sort_key=7, usage="Usage: tightbound new PAPER [OPTIONS]")
def new(paper: str, /, *, output: Path | None = None) -> int:
    """Start a paper of your own: a package outside of tightbound, with one complete claim to begin from.

    Parameters
    ----------
    paper
        Its name, which becomes that of a Python package, e.g. my_paper.
    output
        Folder for it; by default one of that name here.
    """
    from tightbound.verification.scaffold import scaffold

    folder = Path(paper) if output is None else output
    try:
        for path in scaffold(paper, folder):
            print(path)
    except ValueError as error:
        raise UsageError(str(error)) from error
    print(f"next: pip install -e {folder} && tightbound verify {paper}", file=sys.stderr)
    return EXIT_OK


@app.command(sort_key=8, usage="Usage: tightbound env [OPTIONS]")
def env(*, devices: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Print versions, processors, threads and devices: what a bug report needs, as a Markdown list.

    Parameters
    ----------
    devices
        Also ask JAX and PyTorch which devices they see; importing them takes seconds.
    """
    from tightbound.verification.environment import environment

    for name, value in environment(devices=devices).items():
        print(f"- {name}: {value}")
    return EXIT_OK


def _prompt(given: str) -> str:
    """Return a prompt: "-" is standard input, "@FILE" a file, anything else itself."""
    if given == "-":
        return sys.stdin.read()
    return _read(Path(given[1:])) if given.startswith("@") and len(given) > 1 else given


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}): name a text file") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no UTF-8 text (byte {error.start}): name a text file") from error


def _claims(patterns: Sequence[str], paper: str | None = None) -> tuple[Claim, ...]:
    try:
        return registry.claims(patterns, paper, on_problem=_complain)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _check_scheduler(executor: str, scheduler: str) -> None:
    from tightbound.verification.executors.slurm import CLUSTERS

    if executor not in ("dask", "slurm"):
        raise UsageError(f"--scheduler is {scheduler}, but --executor {executor} has none: leave it out")
    if executor == "slurm" and scheduler not in CLUSTERS:
        raise UsageError(f"--scheduler is {scheduler}: for Slurm choose one of {', '.join(CLUSTERS)}")


def _page(records: Sequence[Record], claims: Sequence[Claim], level: float, *, folder: Path) -> str:
    from tightbound.verification import reproduce as engine
    from tightbound.verification.report import html

    pictures, problems = engine.pictures(records, folder)
    for problem in problems:
        _complain(problem)
    return html.render(records, claims, level, papers=registry.papers(), pictures=pictures)


def _folder(path: Path) -> Path:
    """Return the folder of a ledger that is given as a file or as its folder."""
    return path if path.is_dir() else path.parent


def _stored(path: Path) -> tuple[list[Record], Path]:
    """Return the records of a ledger, given as a file or its folder, oldest first, and that folder."""
    file = path / ledger.NAME if path.is_dir() else path
    if not file.exists():
        return [], file.parent
    records, problems = ledger.read(file)
    for problem in problems:
        _complain(f"{file}, line {problem.line} is skipped: {problem.reason}")
    return records, file.parent


def _rejudge(
    claims: Sequence[Claim], path: Path, *, level: float, size: Size | None, seed: int | None
) -> list[Record]:
    from tightbound.verification import runner

    if not path.exists():
        raise UsageError(
            f"--from is {path}: there is no such file or folder; give a {ledger.NAME} or its folder"
        )
    stored, folder = _stored(path)
    ids = {claim.id for claim in claims}
    newest = {
        record["claim"]: record
        for record in stored
        if record["claim"] in ids and size in (None, record["size"]) and seed in (None, record["seed"])
    }
    if not newest:
        raise UsageError(
            f"--from is {path}: it holds no evidence for what is asked; run 'tightbound verify' first"
        )
    if len(newest) < len(claims):
        _complain(f"{path} has verdicts on {len(newest)} of the {len(claims)} claims asked for")
    return runner.rejudge(newest.values(), claims, folder=folder, level=level, family=registry.family(claims))


def _nothing(record: Mapping[str, Any]) -> None:
    """Print no row: formats other than the table are written at the end."""


def _announce(pair: Pair) -> None:
    print(f"{pair.peer.name}: {pair.problem}", file=sys.stderr, flush=True)


def _complain(message: str) -> None:
    print(f"tightbound: {message}", file=sys.stderr)
