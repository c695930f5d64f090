"""Video files and folders of frames: opened, checked, decoded to frames, and written.

`video_file` gives the frames of a file by their numbers: `open_video` opens it, and `packet_seek` finds the packet to
decode from. `frame_folder` gives those of a folder of pictures. `video_survey` counts the frames, `container_claim` is
the number that the file itself claims, `video_check` finds damage, and `video_notes` keeps what a user has to know.
`video_writer` writes a video, `copied_video` one with the sound of another (`sound_track`). Nothing here imports a
framework, so processes that only read clips start quickly.
"""
