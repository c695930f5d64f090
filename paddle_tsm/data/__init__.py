"""Videos, frame folders and lists of them, cut into clips exactly as the system that made a checkpoint cuts them.

A clip goes one way, and each step has its modules:

| step | modules |
| --- | --- |
| read the list of clips, or the folder of classes | `annotations`, `class_folders`, `listed_clips` |
| check that every clip can be read | `check_list`, `video_check`, `video_survey`, `container_claim` |
| choose the frames | `sampling` |
| decode them | `frame_source`, then `video_file` (`packet_seek`, `open_video`) or `frame_folder` |
| resize, crop, mirror, normalise | `clip`, which calls `resize`, `crops`, `flip` and `normalise` |
| give out clip after clip, in training and in evaluation | `clip_reader`, `read_ahead` |
| average the scores of a video's views | `scores` |

A preset (`presets`) says which function each step uses. `datasets` describes data sets; `split_files`,
`validation_split`, `motion_videos` and `video_writer` make lists and videos. Nothing here imports a framework, so
processes that only read clips start quickly.
"""
