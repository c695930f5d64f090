"""The same checkpoint and the same input in both frameworks, compared number for number. It needs the extra `torch`."""
