"""Equations of docstrings and pages, as MathML set when the site is built: no script, no font, no network.

Understood are ``.. math::`` blocks and ``:math:`` roles, as docstrings have them, and ``$$...$$`` of pages.
"""

from __future__ import annotations

import re
import textwrap

from latex2mathml.converter import convert
from markdown import Extension, Markdown
from markdown.preprocessors import Preprocessor
from mkdocs.plugins import event_priority

DIRECTIVE = re.compile(
    r"^(?P<indent> *)\.\. math::(?P<first>.*)\n(?P<rest>(?:(?P=indent) +\S.*\n|[ ]*\n(?=(?P=indent) ))*)", re.M
)
DISPLAY = re.compile(r"^\$\$(?P<tex>.+?)\$\$", re.M | re.S)
ROLE = re.compile(r":math:`(?P<tex>[^`]+)`")


def mathml(tex: str, *, display: bool) -> str:
    """MathML of LaTeX; lines that are aligned become rows."""
    tex = " ".join(tex.split())
    if "&" in tex or r"\\" in tex:
        tex = rf"\begin{{aligned}}{tex}\end{{aligned}}"
    return convert(tex, display="block" if display else "inline")


class _Equations(Preprocessor):
    def run(self, lines: list[str]) -> list[str]:
        text = "\n".join(lines) + "\n"
        text = DIRECTIVE.sub(self._directive, text)
        text = DISPLAY.sub(lambda m: self._block(m["tex"]), text)
        text = ROLE.sub(lambda m: self.md.htmlStash.store(mathml(m["tex"], display=False)), text)
        return text.split("\n")

    def _directive(self, m: re.Match) -> str:
        return textwrap.indent(self._block(f"{m['first']}\n{m['rest']}"), m["indent"])

    def _block(self, tex: str) -> str:
        html = f'<div class="equation">{mathml(tex, display=True)}</div>'
        return f"\n{self.md.htmlStash.store(html)}\n\n"


class Equations(Extension):
    """Markdown that knows equations; code blocks have left the text before (they have priority 25)."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802
        """Add the preprocessor."""
        md.preprocessors.register(_Equations(md), "equations", 24)


@event_priority(100)
def on_config(config):
    """Let pages and docstrings have equations."""
    config.markdown_extensions.append(Equations())
    return config
