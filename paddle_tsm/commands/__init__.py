"""The sub-commands of `paddle-tsm`: `add_parser` describes the arguments, `run` does the work."""
