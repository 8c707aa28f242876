"""What the words of triage mean: pure data and pure functions."""
