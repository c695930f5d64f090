"""A network on a list of clips.

`score` and `score_several` give the scores of the clips, `metrics` their measures, `ensemble` the scores of several
networks as one. `summary` holds the result of an evaluation, and `result_files` writes it. `paddle_run` makes a
function of a Paddle network; everything else takes such a function and imports no framework.
"""
