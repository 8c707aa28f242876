"""The parts of the main screen. Each paints its own lines and keeps no state but what it shows."""
