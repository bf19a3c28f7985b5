"""Pages whose text lies outside of ``docs/``: the README on the home page, the examples, the changes."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
COPIES = {"changelog.md": "CHANGELOG.md", "contributing.md": "CONTRIBUTING.md"}
FILES = ("CITATION.cff", "LICENSE")


def on_files(files, config):
    """Add the pages, and the files that are handed out as they are."""
    for page, source in COPIES.items():
        files.append(File.generated(config, page, content=linked((ROOT / source).read_text(), "")))
    for name in FILES:
        files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    index = ["# Examples\n", "Scripts that run as they are, from the root of the repository; the tests run them too.\n"]
    for path in EXAMPLES:
        code = path.read_text()
        said = ast.get_docstring(ast.parse(code)) or path.stem
        index.append(f"* [{path.name}]({path.stem}.md): {said.splitlines()[0]}")
        page = f'# {path.stem}\n\n```python title="examples/{path.name}"\n{code}```\n'
        files.append(File.generated(config, f"examples/{path.stem}.md", content=page))
    files.append(File.generated(config, "examples/index.md", content="\n".join(index) + "\n"))
    return files


def on_page_markdown(markdown, page, config, files):
    """Put the README where the home page asks for it; links out of ``docs/`` lead to the pages made of those files."""
    opening, _, rest = (ROOT / "README.md").read_text().partition("\n## ")
    markdown = markdown.replace("<!-- README: opening -->", linked(opening, ""))
    markdown = markdown.replace("<!-- README: the rest -->", linked(f"## {rest}", ""))
    return linked(markdown, "../" * (page.file.src_uri.count("/") + 1))


def linked(text: str, up: str) -> str:
    """Text whose links to files of the repository, ``up`` from where it lies, lead to pages of the site."""
    here = up[3:]
    text = re.sub(rf"\]\({re.escape(up)}examples/?\)", f"]({here}examples/index.md)", text)
    text = re.sub(rf"\]\({re.escape(up)}examples/(\w+)\.py\)", rf"]({here}examples/\1.md)", text)
    for page, source in COPIES.items():
        text = text.replace(f"]({up}{source})", f"]({here}{page})")
    text = re.sub(r"\[docs/(\w+)\.md\]", r"[\1]", text)
    return text if up else text.replace("](docs/", "](")
