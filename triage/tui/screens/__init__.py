"""The screens of the console: the one that is always there, and those that ask something and go."""
