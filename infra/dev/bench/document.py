"""docs/performance.md: what is between its marks is made of a run's figures, and so is its
picture."""

from infra.dev.bench.picture import draw
from infra.dev.bench.report import describe_machine, notes, tables
from infra.dev.bench.results import Results
from infra.dev.settings import REPOSITORY

DOCUMENT = REPOSITORY / "docs" / "performance.md"
PICTURE = REPOSITORY / "docs" / "performance.png"
BEGIN, END = "<!-- bench -->\n", "<!-- /bench -->\n"


def update_document(results: Results) -> None:
    """Puts the figures into the document and draws the picture beside it."""
    draw(PICTURE, results)
    DOCUMENT.write_text(with_figures(DOCUMENT.read_text("utf-8"), results), "utf-8")


def with_figures(document: str, results: Results) -> str:
    """The document with the figures of ``results``. Raises ValueError where it has no place."""
    before, rest = document.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}{render(results)}{END}{after}"


def render(results: Results) -> str:
    """The figures in Markdown."""
    lines = [
        *(f"- {line}" for line in describe_machine(results.machine)),
        "",
        f"![The figures as bars: each call's share of the ceiling, and its CPU time by process]"
        f"({PICTURE.name})",
        "",
        *(table.to_markdown() for table in tables(results)),
        *(f"- {note}" for note in notes(results)),
    ]
    return "\n".join(lines) + "\n"
