"""Which of the processes that `torchrun` started this one is; known before torch is."""

import os


def is_torchrun() -> bool:
    """Whether `torchrun` started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def helps() -> bool:
    """Whether another process leads: holds the folder, writes, shows progress and talks to MLflow."""
    return is_torchrun() and os.environ["RANK"] != "0"
