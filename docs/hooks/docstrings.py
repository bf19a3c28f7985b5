"""What docstrings say in a way of their own, as Markdown: tables between lines of ``=``, notes to a number."""

from __future__ import annotations

import re

from markdown import Extension, Markdown
from markdown.preprocessors import Preprocessor
from mkdocs.plugins import event_priority

RULE = re.compile(r"^ *=+(?: +=+)+ *$")
NOTE = re.compile(r"^( *)\.\. \[(\d+)\] ")
MARK = re.compile(r"\[(\d+)\]_")


def cells(line: str, starts: list[int]) -> list[str]:
    """Texts of a line, cut where columns start; the last column has no end."""
    ends = [*starts[1:], None]
    return [line[start:end].strip() for start, end in zip(starts, ends, strict=True)]


def markdown(rows: list[str], rule: str, *, head: bool) -> list[str]:
    """Lines of a Markdown table; a row whose first cell is empty goes on with the one before."""
    starts = [m.start() for m in re.finditer(r"=+", rule)]
    table: list[list[str]] = []
    for row in rows:
        texts = cells(row, starts)
        if table and not texts[0]:
            table[-1] = [f"{a} {b}".strip() for a, b in zip(table[-1], texts, strict=True)]
        else:
            table.append(texts)
    if not head:
        table.insert(0, [""] * len(starts))
    lines = ["| " + " | ".join(text.replace("|", r"\|") for text in row) + " |" for row in table]
    lines.insert(1, "|" + "---|" * len(starts))
    return ["", *lines, ""]


class _Docstrings(Preprocessor):
    def run(self, lines: list[str]) -> list[str]:
        lines = [MARK.sub(r"[\1]", NOTE.sub(r"\1[\2] ", line)) for line in lines]
        out, i = [], 0
        while i < len(lines):
            rules = [j for j in range(i, len(lines)) if RULE.match(lines[j])][:3]
            if not rules or rules[0] != i or len(rules) < 2:
                out.append(lines[i])
                i += 1
                continue
            body = lines[i + 1 : rules[1]]
            headed = len(rules) == 3 and all(line.strip() for line in lines[rules[1] + 1 : rules[2]])
            if headed:
                body, last = body + lines[rules[1] + 1 : rules[2]], rules[2]
            else:
                last = rules[1]
            out += markdown(body, lines[i], head=headed)
            i = last + 1
        return out


class Docstrings(Extension):
    """Markdown that knows what docstrings say in a way of their own."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802
        """Add the preprocessor, before that of equations: what stands for one has another width."""
        md.preprocessors.register(_Docstrings(md), "docstrings", 24.5)


@event_priority(100)
def on_config(config):
    """Read docstrings."""
    config.markdown_extensions.append(Docstrings())
    return config


def on_page_content(html, page, config, files):
    """Types of parameters are text, ``like this``, that is shown as code: the quotes around code in it go."""
    return html.replace("``", "") if page.file.src_uri.startswith("reference/") else html
