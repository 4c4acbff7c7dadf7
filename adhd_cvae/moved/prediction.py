"""Name in version 0.1 of what is now in `adhd_cvae.inference`."""

from adhd_cvae.inference.out_of_distribution import load_reference
from adhd_cvae.inference.prediction import predict

__all__ = ["load_reference", "predict"]
