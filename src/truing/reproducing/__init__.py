"""Where a row's rate would move if the run were made again, and how much of that is what.

Stored runs in, numbers out: the run itself, and the runs in which its questions were asked again,
with another sampling seed, in another form, of other weights. Knows no model and no command line.
"""
