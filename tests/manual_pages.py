"""Pages of the manual: what their Markdown holds, and what can be wrong with pages alone."""

import re
import shlex
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

_FENCE = re.compile(r"^( *)(```+)([^\n`]*)\n(.*?)^ *\2`* *$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)(`+)(?!`)((?:(?!\n\s*\n).)+?)(?<!`)\1(?!`)", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_HEADING = re.compile(r"^(#{1,6}) +(.+?)(?: +#+)? *$", re.MULTILINE)
_LINK = re.compile(r"!?\[[^\[\]]*\]\(\s*<?([^)\s>]*)>?[^)]*\)")
_RULE = re.compile(r"\|[\s|:-]+\|?")
_ITEM = re.compile(r"(?:[-*+]|\d+[.)]) +")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_OPERATORS = frozenset(("&&", "||", "|", ";", "&"))
SHELLS = ("sh", "bash", "console")
ROOMS = ("adhd_cvae", "bids_adapters", "pipelines")
LONG = 80
"""Characters from which a sentence is found to be said twice."""
LINES, WIDTH = 150, 120
"""The most of the front page."""


@dataclass(frozen=True)
class Block:
    """A fenced piece of code: its language, lower case, and its lines."""

    language: str
    text: str


@dataclass(frozen=True)
class Page:
    """One Markdown file.

    Attributes
    ----------
    path
        Where it lies; relative links start in its folder.
    text
        Its content.
    """

    path: Path
    text: str

    @classmethod
    def read(cls, path: Path) -> "Page":
        """Read a file."""
        return cls(path, path.read_text(encoding="utf-8"))

    @cached_property
    def blocks(self) -> list[Block]:
        """The fenced code, in order."""
        return [Block(found[3].strip().lower(), found[4]) for found in _FENCE.finditer(self.text)]

    @cached_property
    def running(self) -> str:
        """The text without fenced code and comments."""
        return _COMMENT.sub("", _FENCE.sub("", self.text))

    @cached_property
    def spans(self) -> list[str]:
        """Code inside lines, white space made one blank; ``\\|`` of a table is a bar."""
        return [" ".join(found[2].replace("\\|", "|").split()) for found in _SPAN.finditer(self.running)]

    @cached_property
    def links(self) -> list[str]:
        """Targets of links and images, as they are written."""
        return [found[1] for found in _LINK.finditer(_SPAN.sub("code", self.running))]

    @cached_property
    def anchors(self) -> set[str]:
        """What links to a heading of this page name, by GitHub's rules."""
        seen: Counter[str] = Counter()
        anchors = set()
        for found in _HEADING.finditer(self.running):
            words = re.sub(r"\[([^\[\]]*)\]\([^)]*\)", r"\1", found[2]).replace("`", "")
            anchor = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
            anchors.add(f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor)
            seen[anchor] += 1
        return anchors

    @cached_property
    def tables(self) -> list[list[list[str]]]:
        """Tables, as rows of cells, the header first and the rule below it left out."""
        found: list[list[list[str]]] = [[]]
        for line in self.running.splitlines():
            if not line.strip().startswith("|"):
                found.append([])
            elif not _RULE.fullmatch(line.strip()):
                cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
                found[-1].append([cell.strip() for cell in cells])
        return [table for table in found if table]

    def column(self, header: str) -> list[str]:
        """Cells of the first column of every table that has this header there."""
        return [row[0] for table in self.tables if table[0][0] == header for row in table[1:]]

    @cached_property
    def prose(self) -> list[str]:
        """Paragraphs, list items and rows of tables, each as one line."""
        pieces: list[list[str]] = [[]]
        for line in self.running.splitlines():
            text = line.strip()
            if text.startswith(("|", "#")):
                pieces += [[text], []]
            elif not text:
                pieces.append([])
            elif _ITEM.match(text):
                pieces.append([_ITEM.sub("", text, count=1)])
            else:
                pieces[-1].append(text)
        return [" ".join(" ".join(piece).split()) for piece in pieces if piece]

    @cached_property
    def commands(self) -> list[list[str]]:
        """Words of every command in fenced shell."""
        return [words for block in self.blocks if block.language in SHELLS for words in split(block.text)]

    @cached_property
    def mentions(self) -> list[list[str]]:
        """Words of every command of ours that stands inside a line; perhaps its verb alone."""
        return [words for span in self.spans if _calls(span) for words in split(span)]


def _calls(span: str) -> bool:
    """Whether code inside a line is a whole command of ours."""
    words = span.split()
    return len(words) > 1 and (words[0] in ("adhd-cvae", "make") or words[:2] == ["python", "-m"])


def split(shell: str) -> Iterator[list[str]]:
    """Words of each command of some shell, without comments, redirections and assignments."""
    for line in re.sub(r"\\\n", " ", shell).splitlines():
        text = line.strip().removeprefix("$ ")
        if _ASSIGNMENT.match(text):
            continue
        lexer = shlex.shlex(text, posix=True, punctuation_chars="|&;>")
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, ";"]:
            if word in _OPERATORS:
                command = words[: words.index(">")] if ">" in words else words
                if command:
                    yield command
                words = []
            else:
                words.append(word)


def all_pages(root: Path) -> list[Path]:
    """Markdown files that are tracked, or new and not ignored."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.md"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    return [root / name for name in sorted(set(listed.split("\0"))) if name and (root / name).is_file()]


def sentences(page: Page) -> Iterator[str]:
    """Whole pieces of prose, and the sentences they are made of, without emphasis."""
    for piece in page.prose:
        plain = piece.replace("*", "")
        yield from {plain, *re.split(r"(?<=[.!?:]) +", plain)}


def broken_links(page: Page, root: Path) -> list[str]:
    """Relative links that lead to no file, out of the repository, or to no heading."""
    broken = []
    for link in page.links:
        place, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        target = (page.path.parent / place).resolve() if place else page.path.resolve()
        if not target.exists() or not target.is_relative_to(root.resolve()):
            broken.append(f"{link}: there is no such file")
        elif anchor and (target.suffix != ".md" or anchor not in Page.read(target).anchors):
            broken.append(f"{link}: there is no such heading")
    return broken


def too_long(page: Page) -> list[str]:
    """What of a page is longer than the front page may be."""
    lines = page.text.splitlines()
    wide = [f"line {number} has {len(line)}" for number, line in enumerate(lines, 1) if len(line) > WIDTH]
    return [*wide, *([f"{len(lines)} lines"] if len(lines) > LINES else [])]


def said_twice(pages: Iterable[Page]) -> list[str]:
    """Long sentences that stand in more than one place."""
    places = defaultdict(list)
    for page in pages:
        for sentence in sentences(page):
            if len(sentence) > LONG:
                places[sentence].append(str(page.path))
    return [f"{sentence} ({', '.join(where)})" for sentence, where in places.items() if len(where) > 1]


def rooms_without_page(root: Path) -> list[str]:
    """Folders of the packages that have modules and no README."""
    folders = {path.parent for room in ROOMS for path in (root / room).rglob("*.py")}
    return sorted(str(folder.relative_to(root)) for folder in folders if not (folder / "README.md").is_file())


def wrong_module_table(page: Page) -> list[str]:
    """Modules that a room's table leaves out, and names in it that are neither a module nor a room of its own."""
    named = {name for cell in page.column("module") for name in re.findall(r"`(\w+)/?`", cell)}
    folder = page.path.parent
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__", "__main__"}
    rooms = {path.parent.name for path in folder.glob("*/__init__.py")}
    return sorted((modules - named) | (named - modules - rooms)) if named else []
