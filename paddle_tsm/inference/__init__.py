"""One object that runs a network, whatever it was saved as, on clips or on a stream of frames. Videos with the
network's labels are made here, too.
"""
