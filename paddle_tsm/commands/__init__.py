"""The sub-commands of `paddle-tsm`, one module each.

`add_parser` describes the arguments; `run` hands plain values to the other rooms and prints what they return.
"""
