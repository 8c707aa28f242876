"""The command line: the console's headless twin."""
