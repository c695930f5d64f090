"""Clips as the networks take them: frames chosen and cut exactly as the system that made a checkpoint does it.

A clip goes one way, and each step has its modules:

| step | modules |
| --- | --- |
| read the list of clips, or the folder of classes | `listed_clips`, over the room `lists` |
| choose the frames | `sampling`, `flow_sampling` |
| decode them | the room `videos` |
| resize, crop, mirror, normalise | `clip`, which calls `resize`, `crops`, `flip` and `normalise` |
| give out clip after clip, in training and in evaluation | `clip_reader`, `read_ahead` |
| average the scores of a video's views | `scores` |

A preset (`presets`) says which function each step uses. `datasets` describes data sets, and `motion_videos` makes one.
Nothing here imports a framework, so processes that only read clips start quickly.
"""
