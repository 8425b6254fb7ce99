"""Finds links of a built site that lead nowhere. DocC checks those of its own articles; here are all others."""

from __future__ import annotations

import json
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


def broken(site: Path, base: str = "") -> list[str]:
    """A line for each link within the site to a page, a picture or a heading that is not there."""
    problems = []
    for page in sorted(site.rglob("*.html")):
        if page.is_relative_to(site / "swift"):
            continue  # pages of a program, which reads what archive() looks at
        for link in parsed(page).links:
            target = urlsplit(link)
            if target.scheme or target.netloc:
                continue
            path = page.parent / unquote(target.path) if target.path else page
            path = path / "index.html" if path.is_dir() else path
            if not path.is_file():
                problems.append(f"{page.relative_to(site)}: no page {link}")
            elif (
                target.fragment
                and path.suffix == ".html"
                and unquote(target.fragment) not in parsed(path).ids
            ):
                problems.append(f"{page.relative_to(site)}: no heading {link}")
    return problems + archive(site / "swift")


def archive(swift: Path) -> list[str]:
    """The same for DocC's archive: every page that another one refers to has its data and its place."""
    problems = []
    for page in sorted((swift / "data").rglob("*.json")):
        for reference in json.loads(page.read_text()).get("references", {}).values():
            kind, url = reference.get("type"), reference.get("url", "")
            files = []
            if kind == "image":
                files = [swift / variant["url"].lstrip("/") for variant in reference["variants"]]
            elif url.startswith("/documentation/"):
                path = url.split("#")[0].lstrip("/")
                files = [swift / "data" / f"{path}.json", swift / path / "index.html"]
            problems += [f"swift: {page.stem}: no {file}" for file in files if not file.is_file()]
    return problems


class Parsed(HTMLParser):
    """Where a page's links go, and which headings others may name."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src") and value and not value.startswith("data:"):
                self.links.append(value)
            elif name == "id" and value:
                self.ids.add(value)


@cache
def parsed(page: Path) -> Parsed:
    return Parsed(page.read_text())
