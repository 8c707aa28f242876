"""Everything an operator can do, as methods, with no screen attached."""
