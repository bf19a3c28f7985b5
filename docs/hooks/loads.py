"""The finished site loads nothing from elsewhere: every script, style, picture and font lies beside its pages."""

from __future__ import annotations

import re
from pathlib import Path

LOADS = re.compile(
    r"""<(?:script|img|iframe|source|video|audio|embed)\b[^>]*?\ssrc=["']?(?P<src>(?:https?:)?//[^"'\s>]+)"""
    r"""|<link\b(?![^>]*rel=["']?canonical)[^>]*?\shref=["']?(?P<href>(?:https?:)?//[^"'\s>]+)"""
    r"""|(?:url\(|@import\s+)["']?(?P<url>(?:https?:)?//[^"')\s]+)"""
)
"""Addresses that a browser fetches on its own; a link in the text is followed by the reader."""


def external(folder: Path) -> list[str]:
    """What pages and styles of a folder load from elsewhere, with the file that does."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".html", ".css"):
            text = path.read_text(encoding="utf-8")
            found += [f"{path.relative_to(folder)}: {m[m.lastgroup]}" for m in LOADS.finditer(text)]
    return found


def on_post_build(config):
    """Fail the build over the first load from elsewhere."""
    from mkdocs.exceptions import PluginError

    if found := external(Path(config.site_dir)):
        raise PluginError("the site loads from elsewhere:\n" + "\n".join(found))
