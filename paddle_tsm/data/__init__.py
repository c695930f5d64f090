"""Videos, frame folders and lists of them, cut into clips exactly as the system that made a checkpoint cut them.

NumPy, OpenCV, PyAV and Pillow only: nothing here imports a framework, so worker processes start quickly.
"""
