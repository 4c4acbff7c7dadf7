"""What Dockerfile copies is there, and its commands install into an environment as they do into an image."""

from pathlib import Path

import pytest

from tests.validation.container_steps import ROOT, of_environment, steps


def test_what_the_image_is_made_of_is_there_and_installs_by_two_commands():
    copied, commands = steps((ROOT / "Dockerfile").read_text(encoding="utf-8"))
    assert all((ROOT / source).exists() for *sources, _ in copied for source in sources)
    assert [command[0] for command in commands] == ["pip", "uv"]


@pytest.mark.parametrize(("torch", "backend"), [("cpu", " --torch-backend cpu"), ("", "")])
def test_commands_are_an_environments(torch, backend):
    text = """FROM x
# COPY not this
RUN pip install uv \\
    && uv pip install --system --torch-backend "${TORCH}" . && useradd a
"""
    _, commands = steps(text)
    place = Path("/e")
    assert [" ".join(of_environment(command, place, torch)) for command in commands] == [
        "/e/bin/pip install uv",
        f"/e/bin/uv pip install --python /e{backend} .",
    ]
