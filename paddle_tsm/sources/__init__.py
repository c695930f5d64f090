"""Frames in the order in which they come: from files, cameras, pipes and addresses, whose end nobody knows.

`video_sources` finds out what a user named. `frame_feed` gives its frames, `feeds_in_turn` those of several at once.
`source_decoder` decodes in a thread, from a pipe (`pipe_reader`, `copied_source`) or an address (`address_copy`) where
there is one. `source_events` are what can happen to a source, and `source_patience` is how long each is waited for.
"""
