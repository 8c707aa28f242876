"""What all tests rely on."""

from __future__ import annotations

import signal

# Where the suite runs in the background of a script, ctrl+c is ignored, and so it would be in every process that
# tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
