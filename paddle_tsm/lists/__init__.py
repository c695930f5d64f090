"""Lists of clips: which videos there are, of which classes, and where.

| what is given | modules |
| --- | --- |
| a list in the format of one of the systems | `annotations` |
| a folder of a folder for each class | `class_folders` |
| the files that a data set is published with | `split_files`, `split_lists` |
| a list without a second one for validation, or with one that must fit | `validation_split`, `paired_lists` |

`frame_source` opens what a line of a list names, `check_list` reads every clip, and `bad_clips` says what happens to
those that can't be read. Nothing here imports a framework.
"""
