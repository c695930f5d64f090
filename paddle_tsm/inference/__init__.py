"""One object that runs a network, whatever it was saved as, on clips or on a stream of frames; and videos with its
labels.
"""
