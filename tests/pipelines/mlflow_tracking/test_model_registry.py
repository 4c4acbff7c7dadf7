"""The registered model says all that it needs, so that a fresh environment made from its requirements can load it."""

import subprocess
import sys

from pipelines.mlflow_tracking.model_registry import REQUIREMENTS

LOADED = """
import ast, sys
from pathlib import Path
found, todo = set(), ["adhd_cvae.models.weights", "adhd_cvae.images.nifti", "adhd_cvae.inference.prediction"]
seen = set()
while todo:
    name = todo.pop()
    if name in seen:
        continue
    seen.add(name)
    place = Path(name.replace(".", "/"))
    module = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    for node in ast.walk(ast.parse(module.read_text())):
        modules = [node.module] if isinstance(node, ast.ImportFrom) else []
        modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for module in modules:
            (todo.append if module.startswith("adhd_cvae") else found.add)(module)
print(*sorted({module.split(".")[0] for module in found} - set(sys.stdlib_module_names)))
"""


def test_every_package_the_model_imports_is_among_its_requirements(request):
    done = subprocess.run(
        [sys.executable, "-c", LOADED],
        cwd=request.config.rootpath,
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {{"sklearn": "scikit-learn"}.get(name, name) for name in done.stdout.split()}
    assert "torch" in imported
    assert imported <= set(REQUIREMENTS)
