"""The rescue of one interrupted spot instance: look, decide, act, look again.

facts.py        what is known, as one frozen value
decide.py       what to do next, and why: pure
workflow.py     the loop around the two
episode.py      what the journal remembers of this rescue
source.py  disks.py  launch_spec.py  memberships.py  image.py  ladder.py  replacement.py
the acts, one file per thing they touch: facts in, facts out
report.py       the answer
"""
