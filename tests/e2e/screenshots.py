#!/usr/bin/env python3
"""Pictures of every page, light, dark and narrow: screenshots.py FOLDER."""
import os, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import browser
from browser import ADMIN_KEY, PAGES, opened

LOOKS = {"light": {"color_scheme": "light"}, "dark": {"color_scheme": "dark"},
         "narrow": {"color_scheme": "light", "viewport": {"width": 320, "height": 640}, "device_scale_factor": 2}}

# What is far below the window is not drawn until somebody scrolls there.
WHOLE = "() => { scrollTo(0, 0); document.querySelectorAll('.wire').forEach((e) => { e.style.contentVisibility = 'visible'; }); }"


def main():
    out = sys.argv[1]
    os.makedirs(out, exist_ok=True)
    for name in PAGES:
        for look, words in LOOKS.items():
            with opened(browser.path_of(name), of=browser.busy(), key=ADMIN_KEY, reduced_motion="reduce", **words) as page:
                for view in browser.views(page, name, lively=True):
                    page.evaluate(WHOLE)
                    page.screenshot(path=os.path.join(out, f"{name}{view}-{look}.png"), full_page=True)
                    print(f"{out}/{name}{view}-{look}.png")


if __name__ == "__main__":
    main()
