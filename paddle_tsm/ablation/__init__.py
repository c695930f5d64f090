"""What each choice of the shift is worth: the variants of TSM's paper, trained alike on generated videos and timed."""
