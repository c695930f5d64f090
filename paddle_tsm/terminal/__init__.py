"""What is printed: text that is not ours shown literally, and what to install for the parts that need more."""
