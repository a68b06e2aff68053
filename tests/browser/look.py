"""Looks at a page in Chromium, on a phone and on a desk, by day and by night, and says what it saw as JSON.

    look.py CHROMIUM PAGE [FOLDER]    with a FOLDER, pictures are left there
"""

import json
import sys
from pathlib import Path

import axe_playwright_python
from playwright.sync_api import sync_playwright

WIDTHS = {"phone": (360, 740), "desk": (1280, 900)}
SCHEMES = ("light", "dark")
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
# Beyond WCAG too: landmarks and the order of headings are "best practices" there.
RUN = "async () => (await axe.run(document, {resultTypes: ['violations']})).violations"
# Everything that would show beyond the right edge, by what it is.
WIDE = """() => ({
    scroll: document.documentElement.scrollWidth,
    width: document.documentElement.clientWidth,
    scripts: document.scripts.length,
    headings: [...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(h => Number(h.tagName[1])),
})"""
FOCUS = "() => document.activeElement.outerHTML.slice(0, 80)"


def look(browser, page_url, width, scheme, picture):
    (columns, rows) = WIDTHS[width]
    context = browser.new_context(viewport={"width": columns, "height": rows}, color_scheme=scheme, reduced_motion="reduce")
    page = context.new_page()
    said, asked = [], []
    page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: said.append(f"error: {error}"))
    page.on("dialog", lambda dialog: (said.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(page_url)
    # Everything that can be opened is looked at open.
    page.evaluate("() => document.querySelectorAll('details').forEach(details => { details.open = true; })")
    seen = page.evaluate(WIDE)
    page.keyboard.press("Tab")
    first = page.evaluate(FOCUS)
    page.evaluate(AXE)
    violations = page.evaluate(RUN)
    if picture:
        page.screenshot(path=str(picture), full_page=True)
    context.close()
    return {
        "said": said,
        "asked": [url for url in asked if url != page_url],
        "first_focus": first,
        "axe": [f"{one['id']}: {one['help']}: {node['target']} {node.get('failureSummary', '')}" for one in violations for node in one["nodes"]],
        **seen,
    }


def main():
    (chromium, file, *folder) = sys.argv[1:]
    url = Path(file).resolve().as_uri()
    with sync_playwright() as playwright:
        # Root has no other way, and the page is ours.
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"])
        seen = {}
        for width in WIDTHS:
            for scheme in SCHEMES:
                name = f"{width}-{scheme}"
                picture = Path(folder[0]) / f"{name}.png" if folder else None
                seen[name] = look(browser, url, width, scheme, picture)
        browser.close()
    print(json.dumps(seen))


main()
