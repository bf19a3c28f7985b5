"""Photographs of the HTML report at the width of a phone and of a desktop.

Needs Chromium on the machine and ``pip install playwright pillow``. Run me: python benchmarks/report_pictures.py
REPORT.html FOLDER. Prints how wide the page wants to be; more than the window means that it scrolls sideways.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

SIZES = {"phone": (390, 844), "desktop": (1280, 900)}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
TALLEST = 3200
"""Pixels of one picture; a longer page is several."""


def main(page: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    chromium = next(found for name in BROWSERS if (found := shutil.which(name)))
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, (width, height) in SIZES.items():
            view = browser.new_page(viewport={"width": width, "height": height})
            loaded: list[str] = []
            view.on("request", lambda request, loaded=loaded: loaded.append(request.url))
            view.goto(page.resolve().as_uri())
            wants = view.evaluate("document.documentElement.scrollWidth")
            outside = [url for url in loaded if not url.startswith(("file:", "data:"))]
            print(f"{name}: {width} px wide, wants {wants}; loaded from elsewhere: {outside or 'nothing'}")
            whole = folder / f"{name}.png"
            view.screenshot(path=str(whole), full_page=True)
            cut(whole)
        view.pdf(path=str(folder / "print.pdf"), format="A4")
        browser.close()


def cut(whole: Path) -> None:
    """Parts of a long picture, in few colours."""
    with Image.open(whole) as image:
        for i, top in enumerate(range(0, image.height, TALLEST)):
            part = image.convert("RGB").crop((0, top, image.width, min(top + TALLEST, image.height)))
            part.quantize(64).save(whole.with_name(f"{whole.stem}-{i + 1}.png"), optimize=True)
    whole.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
