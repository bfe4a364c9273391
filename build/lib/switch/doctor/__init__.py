"""The link doctor: what a peer really sends, what is configured, and the one setting to change.

Bytes of the beginning of a link go in, a ranked list of `Diagnosis` comes out. Pure: it knows no socket, file or clock, and its
work is bounded by what it looks at (`LOOKED_AT` bytes, `FRAMES_MAX` messages).
"""
