"""Small real HTTP agents that act on what is decided, for trying the console and for tests."""

from __future__ import annotations

from triage.demo.staff import Demo, running

__all__ = ["Demo", "running"]
