"""An index of the results that lie beside each other, served to this computer alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple
from urllib.parse import unquote

from adhd_cvae.errors import InputError
from adhd_cvae.io import MISSING
from adhd_cvae.names import GROUP_LABELS
from pipelines.output_dir.results import Results
from pipelines.report.formatting import template
from pipelines.report.reproducibility import public
from pipelines.report.sections import confounding, separation

LOOPBACK = "127.0.0.1"
_PORTS_TRIED = 20
COLUMNS = ("result", "recipe", "seed", *GROUP_LABELS.values(), "sites", "AUC out of fold", "p")


class _Row(NamedTuple):
    """A result: its folder's name, whether it has a page, and what stands beside."""

    folder: str
    has_page: bool
    cells: list[str]


def results_in(around: Path) -> list[Path]:
    """The results that a folder holds, by name; others' folders are left out."""
    found = sorted(around.iterdir()) if around.is_dir() else []
    return [folder for folder in found if folder.is_dir() and Results(folder).paths.provenance.is_file()]


def index_page(around: Path) -> str:
    """Recipe, n and headline of each result as a page that names no participant."""
    rows = [_row(folder) for folder in results_in(around)]
    return template("index.html.j2").render(name=around.name, columns=COLUMNS, rows=rows)


def _row(folder: Path) -> _Row:
    results = Results(folder)
    try:
        cells = _cells(results)
    except (InputError, OSError, ValueError, KeyError):
        cells = ["cannot be read", *[MISSING] * (len(COLUMNS) - 2)]
    return _Row(folder.name, results.paths.report.is_file(), cells)


def _cells(results: Results) -> list[str]:
    counts = confounding.site_counts(results)
    return [
        public(results.setting("name", MISSING)),
        public(results.run.get("seed", MISSING)),
        *(str(len(results.members(group=group))) for group in GROUP_LABELS),
        MISSING if counts is None else str(len(counts)),
        *(separation.headline(results) or (MISSING, MISSING)),
    ]


class _Handler(BaseHTTPRequestHandler):
    """Answers with the index or with the page of one of its results, and with nothing else."""

    around: Path

    def do_GET(self) -> None:
        """Give the index, or the page that was asked for; a name other than this computer's is refused."""
        host = self.headers.get("Host", "").rpartition(":")[0]
        page = self._page() if host in (LOOPBACK, "localhost") else None
        self.send_response(404 if page is None else 200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(page or b"not here")

    def _page(self) -> bytes | None:
        asked = unquote(self.path.partition("?")[0])
        if asked == "/":
            return index_page(self.around).encode()
        pages = {f"/{folder.name}/report.html": folder / "report.html" for folder in results_in(self.around)}
        page = pages.get(asked)
        return page.read_bytes() if page is not None and page.is_file() else None

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the terminal is MLflow's."""


@contextmanager
def served(around: Path, port: int) -> Iterator[str]:
    """Serve the index from another thread while the body runs; gives its address.

    Raises
    ------
    InputError
        No port from the next one upwards is free.
    """
    handler = type("_HandlerOfThis", (_Handler,), {"around": around})
    for number in range(port + 1, min(port + 1 + _PORTS_TRIED, 65536)):
        try:
            server = ThreadingHTTPServer((LOOPBACK, number), handler)
        except OSError:
            continue
        break
    else:
        raise InputError(
            f"ports {port + 1} to {port + _PORTS_TRIED} are all in use. Give --port another number."
        )
    address = f"http://{LOOPBACK}:{number}/"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield address
    finally:
        server.shutdown()
        server.server_close()
