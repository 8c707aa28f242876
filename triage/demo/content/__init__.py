"""What the demo's agents ask: the work of Alder & Finch, a bicycle shop that does not exist."""
