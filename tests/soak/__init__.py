"""The long form of what the suite tries for a moment: kills, faults, texts, keys, and what was lost."""
