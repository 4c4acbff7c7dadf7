"""The linear start of the version that borrowed nothing, run in a checkout of its own."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

BEFORE = "951aeea"
"""The commit whose linear start is the one to beat."""
_START = """
import sys
import numpy as np
from adhd_cvae.baselines import fit_linear
given = np.load(sys.argv[1])
salient = fit_linear("contrast", given["features"], given["is_target"], 8, 48).salient
np.savez(sys.argv[1], origin=salient.origin, encoder=salient.encoder)
"""


def codes_of_before(
    features: np.ndarray, fitted: np.ndarray, is_target: np.ndarray, checkout: Path
) -> np.ndarray:
    """Salient codes (n, 8) of features (n, features), standardised and learnt by those `fitted`, (n,) bool."""
    part = features[fitted]
    mean, spread = part.mean(axis=0), part.std(axis=0)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "given.npz"
        np.savez(file, features=((part - mean) / spread).astype(np.float32), is_target=is_target[fitted])
        subprocess.run([sys.executable, "-W", "ignore", "-c", _START, str(file)], cwd=checkout, check=True)
        with np.load(file) as found:
            return ((features - mean) / spread - found["origin"]) @ found["encoder"].T
