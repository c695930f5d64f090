"""Files that appear whole or not at all, their digests, and no command that writes over what it reads."""
