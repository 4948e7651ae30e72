"""Data Docs that open without a network and without scripts.

Great Expectations' pages load styles, scripts and a logo from elsewhere. Their content is in the
HTML; only the index is built by script. So: what is fetched goes, one style sheet of ours comes,
and the index is written anew, with the sentences to the providers on it.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment

from biobraid.core.files import write_text

STYLE = "static/contract.css"
_SCRIPT = re.compile(r"<script\b.*?</script>", re.S | re.I)
_LINK = re.compile(r"<link\b[^>]*>", re.I)
_IMAGE = re.compile(r"<img\b[^>]*>", re.I)
_INLINE_STYLE = re.compile(r"<style\b.*?</style>", re.S | re.I)
_FAR_ANCHOR = re.compile(r'<a\b[^>]*href="https?://[^"]*"[^>]*>(.*?)</a>', re.S | re.I)
_HANDLER = re.compile(r'\s(?:onclick|onload)="[^"]*"', re.I)
_FAR = re.compile(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//|url\(\s*["']?(?:https?:)?//""", re.I)


def make_offline(site: Path) -> None:
    """Rewrite every page of a site that GX built so that nothing is fetched from elsewhere."""
    for path in sorted(site.rglob("*")):
        name = path.relative_to(site).as_posix()
        if path.is_file() and name.startswith("static/"):
            path.unlink()
    for page in sorted(site.rglob("*.html")):
        up = "../" * (len(page.relative_to(site).parts) - 1)
        text = page.read_text(encoding="utf-8")
        for pattern in (_SCRIPT, _LINK, _IMAGE, _INLINE_STYLE, _HANDLER):
            text = pattern.sub("", text)
        text = _FAR_ANCHOR.sub(r"\1", text)
        text = text.replace("</head>", f'<link rel="stylesheet" href="{up}{STYLE}">\n</head>', 1)
        write_text(page, text)


def clear_pages(site: Path) -> None:
    """Take away what GX built of an earlier judgement."""
    for folder in ("validations", "expectations"):
        shutil.rmtree(site / folder, ignore_errors=True)


def fetched_from_elsewhere(site: Path) -> list[str]:
    """Files of a site that name something to be fetched over a network."""
    return [
        path.relative_to(site).as_posix()
        for path in sorted(site.rglob("*"))
        if path.suffix in (".html", ".css", ".js", ".svg")
        and _FAR.search(path.read_text(encoding="utf-8"))
    ]


def write_index(site: Path, studies: Sequence[Mapping[str, Any]]) -> Path:
    """The site's first page: each study's verdict and sentences, with links to GX's pages."""
    pages = {
        study["study"]: {
            "validation": _page(site, f"validations/{study['study']}"),
            "suite": _page(site, "expectations", study["study"]),
        }
        for study in studies
    }
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(_resource("index.html.j2"))
    path = site / "index.html"
    (site / STYLE).parent.mkdir(parents=True, exist_ok=True)
    write_text(site / STYLE, _resource("contract.css"))
    write_text(path, template.render(studies=studies, pages=pages, style=STYLE))
    return path


def _page(site: Path, folder: str, name: str = "*") -> str | None:
    found = sorted((site / folder).rglob(f"{name}.html"))
    return found[-1].relative_to(site).as_posix() if found else None


def _resource(name: str) -> str:
    return files(__package__ or "").joinpath(name).read_text(encoding="utf-8")
