"""The same checkpoint and the same input in both frameworks, compared number for number. Needs the extra `[torch]`."""
