"""What is watched during a training is what the metrics of NumPy say afterwards."""

import numpy as np
import pytest

from tightbound.simulators.attention.bigram_backcopy import BackcopySequences, random_bigram_backcopy
from tightbound.simulators.attention.model import SinkTransformer
from tightbound.simulators.attention.probe import SinkWatch
from tightbound.simulators.language_models.schedule import Schedule
from tightbound.simulators.language_models.training import train_many
from tightbound.theory.attention.architecture import Architecture
from tightbound.theory.attention.scores import proxy_scores
from tightbound.theory.attention.sink import contribution, importance, raw_mass, sink_metric

SEQUENCES = BackcopySequences(random_bigram_backcopy(6, 16, rng=0))
SCHEDULE = Schedule(
    6, batch=4, learning_rate=0.05, warmup=1, evaluate_every=3, decay="constant", clip=1.0, keep="last"
)


def test_the_last_entry_is_that_of_the_trained_weights():
    architecture = Architecture(7, 16, width=8, heads=2, bias_slot="key_value")
    model, fixed = SinkTransformer(architecture), SEQUENCES(np.random.default_rng(5), 20)
    results = train_many(
        model, [SEQUENCES] * 2, SCHEDULE, validation=fixed, watch=SinkWatch(architecture, 0.2), keys=[0, 1]
    )
    slots = architecture.slots
    for result in results:
        trace, seen = model.probe(result.parameters, fixed), result.history.watched
        assert seen["sink"].shape == (2, slots + 16)
        scores = trace["scores"].astype(np.float64)
        for position in range(1 - slots, 17):
            expected = sink_metric(scores, 0.2, position=position, slots=slots)
            assert seen["sink"][-1, position - 1 + slots] == pytest.approx(expected, abs=1e-6)
        proxy = importance(proxy_scores(scores), slots=slots).mean(axis=(0, 1, 2))
        mass = raw_mass(scores, slots=slots).mean(axis=(0, 1, 2))
        np.testing.assert_allclose(seen["mass"][-1], mass, rtol=1e-4)
        np.testing.assert_allclose(seen["proxy_mass"][-1], proxy, rtol=1e-4)
        rows = contribution(scores, trace["values"], position=1, slots=slots)
        np.testing.assert_allclose(seen["contribution"][-1, slots], rows.mean(), rtol=1e-3)
        lengths = np.linalg.norm(trace["values"], axis=-1).mean(axis=(0, 1, 2))
        np.testing.assert_allclose(seen["value_norm"][-1], lengths, rtol=1e-4)
        assert seen["residual_norm"].shape == (2, 2, 16)


def test_thresholds_lie_inside():
    with pytest.raises(ValueError, match=r"eps is 1\.0"):
        SinkWatch(Architecture(3, 16), eps=1.0)
