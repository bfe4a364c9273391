"""Whose money a record has moved: postings, positions, windows, netting. Pure; a fold of the journal's records.

Read `entries.py` (what is posted), then `rules.py` (which record posts what), `fold.py` (records -> entries and positions), and
`netting.py` (positions -> who pays whom).
"""
