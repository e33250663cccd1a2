#!/usr/bin/env python3
"""All tests of the playground, in one browser.  Each of these files runs by itself, too."""
import playground_first_use, playground_input, playground_results, playground_code
from browser import tap

if __name__ == "__main__":
    tap.main({name: f for module in (playground_first_use, playground_input, playground_results, playground_code) for name, f in vars(module).items()})
