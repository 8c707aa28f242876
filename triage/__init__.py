"""triage: one terminal inbox for every AI agent that needs a person's judgment."""

__version__ = "0.1.0"
