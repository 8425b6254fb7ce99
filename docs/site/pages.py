"""The front page and the guides of docs/ as HTML, by the Markdown reader that comes with pdoc."""

from __future__ import annotations

import re
from pathlib import Path

from pdoc.render_helpers import to_html

HERE = Path(__file__).resolve().parent


def write(docs: Path, site: Path) -> None:
    """index.html of site/index.md and the table of docs/README.md, and guides/NAME.html of every other docs/NAME.md."""
    (site / "guides").mkdir(exist_ok=True)
    for source in sorted(docs.glob("*.md")):
        if source.name != "README.md":
            page(source.read_text(), site / "guides" / f"{source.stem}.html", "guides")
    table = [line for line in (docs / "README.md").read_text().splitlines() if line.startswith("|")]
    page((HERE / "index.md").read_text() + "\n".join(table), site / "index.html", ".")


def page(text: str, out: Path, folder: str) -> None:
    """One page; `folder` is where the site has it, from which links are counted."""
    up = "../" if folder != "." else ""
    title = text.split("\n", 1)[0].lstrip("# ")
    links = re.compile(r'href="([^"#:]+)(#[^"]*)?"')
    body = links.sub(lambda match: f'href="{moved(match[1], up)}{match[2] or ""}"', str(to_html(text)))
    # A file of the repository that the site does not have: its name stays.
    body = re.sub(r'<a href="repository">(.*?)</a>', r"\1", body)
    template = (HERE / "page.html").read_text()
    out.write_text(template.replace("{title}", title).replace("{up}", up).replace("{body}", body))


def moved(link: str, up: str) -> str:
    """Where the site has what a document in docs/ links to."""
    path = Path(link)
    if path.parent.name == "SwiftVis.docc":
        return f"{up}swift/documentation/swiftvis/{path.stem.lower()}/"
    if path.suffix == ".md" and path.parent == Path():
        return f"{up}guides/{path.stem}.html"
    return "repository" if link.startswith("../") else f"{up}{link}"
