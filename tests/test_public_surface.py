"""Every public name can be imported, is documented, and shows how it is used."""

import enum
import importlib
import inspect
import pkgutil
import re
from types import ModuleType

import pytest

LAYERS = ("theory", "simulators", "kernels", "verification")

NAMES = {
    "theory.bandits": """truncated_geometric expected_stopping_time stopping_time_variance
        lower_bound_constant stated_lower_bound_constant corrected_lower_bound_constant ucbspec_bound
        ucbspec_fluid_regret exp3spec_bound""",
    "simulators.bandits": """TruncatedGeometric Categorical StationaryMeanMarkov Table PositionTrace UCBSpec
        EXP3Spec ReleasedUCB TokenThompson TokenKLUCB UCB1 Greedy FixedArm Hedge simulate exact_regret
        RegretResult""",
    "theory.in_context": """FiniteTasks HMMConcept GaussianLinear posterior predictive log_evidence regret
        regret_bound softmax_limit_constant finite_posterior_network ridge_attention linear_attention_stack
        relu_posterior_network""",
    "simulators.in_context": "sample sample_sequences scan_regret",
    "theory.chain_of_thought": "DiscreteChain answer_law exponents self_consistency_error",
    "simulators.chain_of_thought": "prompting_error self_consistency tree_of_thought selection_inference",
    "theory.planning": """HMDP reveal lock probe_bsc noisy_try meet random_hmdp expert bail world_model
        distinguishability epsilon_greedy_bound""",
    "simulators.planning": "exact_regret simulate BAIL EpsilonGreedy WorldModel",
    "theory.graphon_games": """erdos_renyi uniform_attachment ranked_attachment exponential stochastic_block
        power_law sis investment beach_bar cyber linear_quadratic random_linear rotation GraphonGame flow
        best_response exploitability""",
    "simulators.graphon_games": """solve MonoMD GMFGPPO FixedPoint FictitiousPlay OnlineMirrorDescent
        estimate_graphon simulate_agents""",
    "theory.speculative": """acceptance_probability expected_tokens speedup optimal_gamma
        optimal_multidraft_acceptance chain_law block_law tree_law""",
    "simulators.language_models": "LanguageModel TableModel Llama GpuLlama train",
    "simulators.speculative": """SpeculativeDecoder PromptLookup SparseToDense LayerSkip NGram
        BanditDecoder GreedyWriter read_prompts""",
    "theory.attention": "attention_scores importance sink_metric raw_mass repeated_token_reference",
    "simulators.attention": "SinkTransformer",
    "theory.video": "tiara dstft motion_intensity frequency_response dobrushin prompt_blend",
    "simulators.video": "tiara",
}
"""Names that users were promised, by package."""


def packages():
    """Names of the packages that say what is public."""
    found = []
    for layer in LAYERS:
        root = importlib.import_module(f"tightbound.{layer}")
        for entry in pkgutil.iter_modules(root.__path__, f"{layer}."):
            if entry.ispkg and hasattr(importlib.import_module(f"tightbound.{entry.name}"), "__all__"):
                found.append(entry.name)
    return found


PACKAGES = packages()


EXCEPTIONS = {
    "a rule of verification, an argument of SpeculativeDecoder": """BlockVerification ChainVerification
        GreedyVerification MatchedVerification RecursiveRejection TargetOnlyVerification""",
    "a choice of keys, an argument of SparseToDense": "KeySelection Random Recent Streaming TextGuided",
    "an argument of Schedule": "OwnRate",
    "many at once what train does for one": "train_many",
    "needs a file; what is read is shown for texts": "load_pomdp read_gguf",
    "what a HistoryTree is made of": "Level",
    "needs a trained model": "generated_answer_laws",
    "needs diffusers; shown at TiaraAttnProcessor": "set_temporal_processor",
    "a base class, subclassed on the page of its subject": "PolicyIteration",
    "an argument that the driver makes": "CellEvidence Iteration",
    "its parts are drawn by functions that show them": "Block Story ToyVideo",
    "texts of sinks, which claims draw": "help_topics random_grammar_text random_hidden_markov_text",
    "how the command line runs units, not called by hand": """DaskExecutor LocalExecutor SerialExecutor
        SlurmExecutor cores get_executor kernel_cache""",
}
"""Public names without an example of their own, by reason."""

EXCEPTED = {name for names in EXCEPTIONS.values() for name in names.split()}


def public(package):
    """Public objects of a package by name."""
    module = importlib.import_module(f"tightbound.{package}")
    return {name: getattr(module, name) for name in module.__all__}


def names_in(hint):
    return set(re.findall(r"\w+", hint if isinstance(hint, str) else getattr(hint, "__name__", "")))


def results():
    """Names of the classes that public functions return, and of their parts: the functions show them."""
    entries = [entry for package in PACKAGES for entry in public(package).values()]
    found = set()
    for entry in entries:
        for member in vars(entry).values() if inspect.isclass(entry) else [entry]:
            function = member.fget if isinstance(member, property) else member
            found |= names_in(getattr(function, "__annotations__", {}).get("return", ""))
    classes = {entry.__name__: entry for entry in entries if inspect.isclass(entry)}
    parts = found & set(classes)
    while parts:
        found |= parts
        hints = [hint for name in parts for hint in classes[name].__annotations__.values()]
        parts = {name for hint in hints for name in names_in(str(hint))} & set(classes) - found
    return found


RESULTS = results()


def is_shown_elsewhere(name, entry):
    """Whether it is raised, an interface, or what functions return."""
    interface = getattr(entry, "_is_protocol", False) or name == "Planner"
    return issubclass(entry, (Exception, enum.Enum)) or interface or name in RESULTS


def faults(name, entry):
    """What is wrong with the documentation of a public object."""
    if isinstance(entry, ModuleType):
        yield "is a module"
    if not inspect.isclass(entry) and not inspect.isfunction(entry):
        return  # a constant or an alias of a type
    text = inspect.getdoc(entry) or ""
    if not entry.__doc__ or not re.match(r"\S[^\n]*[.:]\n?", text):
        yield "has no summary line that ends in a full stop"
    if inspect.isfunction(entry):
        arguments = [argument for argument in inspect.signature(entry).parameters if argument != "self"]
        if arguments and not re.search(r"^(Parameters|Examples)\n-", text, re.MULTILINE):
            yield "documents no parameters"
    if name in EXCEPTED or (inspect.isclass(entry) and is_shown_elsewhere(name, entry)):
        return
    if not re.search(r"^Examples\n--------\n", text, re.MULTILINE) or ">>>" not in text:
        yield "shows no example"


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_are_documented(package):
    found = [f"{name} {fault}" for name, entry in public(package).items() for fault in faults(name, entry)]
    assert not found


@pytest.mark.parametrize("package", PACKAGES)
def test_all_is_sorted_and_complete(package):
    module = importlib.import_module(f"tightbound.{package}")
    order = sorted(module.__all__, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
    assert list(module.__all__) == order
    assert not [name for name in module.__all__ if name.startswith("_")]


@pytest.mark.parametrize("package", sorted(NAMES))
def test_promised_names_are_there(package):
    assert set(NAMES[package].split()) <= set(public(package))


def test_exceptions_are_public_and_needed():
    every = {name: entry for package in PACKAGES for name, entry in public(package).items()}
    assert set(every) >= EXCEPTED
    assert not [name for name in EXCEPTED if ">>>" in inspect.getdoc(every[name])]


def test_every_operation_is_a_function_of_its_folder():
    kernels = importlib.import_module("tightbound.kernels")
    operations = [entry.name for entry in pkgutil.iter_modules(kernels.__path__) if entry.ispkg]
    for name in operations:
        operation = getattr(importlib.import_module(f"tightbound.kernels.{name}"), name)
        assert not list(faults(name, operation)), name


def test_what_is_wrong_is_found():
    def bare(x):
        return x

    def told(x):
        """Return x."""

    assert set(faults("bare", bare)) == {
        "has no summary line that ends in a full stop",
        "documents no parameters",
        "shows no example",
    }
    assert set(faults("told", told)) == {"documents no parameters", "shows no example"}
    assert set(faults("enum", enum)) == {"is a module"}
