"""What every test shares: pinned threads, no display, seeds that a failure shows."""

import os
import signal
import zlib

import hypothesis
import pytest

from tightbound.verification.executors import kernel_cache

# Some tests press Ctrl-C, which a run started in the background inherits as ignored.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# NumPy, Numba and matplotlib read these when they are first imported, so none of them is imported above.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("NUMBA_NUM_THREADS", str(min(2, os.cpu_count() or 1)))
os.environ.setdefault("NUMBA_CACHE_DIR", str(kernel_cache()))
# Tests compile many small programs and run each a few times.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
os.environ["MPLBACKEND"] = "Agg"

hypothesis.settings.register_profile("tightbound", deadline=None, derandomize=True, max_examples=50)
hypothesis.settings.load_profile("tightbound")


@pytest.fixture
def rng(request):
    """A generator whose seed depends on the test alone; pytest prints the seed when the test fails."""
    import numpy as np

    seed = zlib.crc32(request.node.nodeid.encode())
    print(f"rng = np.random.default_rng({seed})")
    return np.random.default_rng(seed)
