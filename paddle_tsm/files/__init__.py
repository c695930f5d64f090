"""Files that appear whole or not at all, digests of files, and a check that no command writes over its input."""
