"""What survives a crash: the queue and the decision log."""
