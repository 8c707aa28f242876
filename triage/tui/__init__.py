"""The console: a Textual app in which an operator looks at what waits and decides it.

Animations are off before Textual is imported anywhere: they send bytes for ever over a slow line.
"""

import os

os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
