#!/usr/bin/env python3
"""All tests of the other pages, and of what holds of every page, in one browser.  Each of these files runs by itself, too."""
import every_page, dashboard, reading_pages, hostile_texts
from browser import tap

if __name__ == "__main__":
    tap.main({name: f for module in (every_page, dashboard, reading_pages, hostile_texts) for name, f in vars(module).items()})
