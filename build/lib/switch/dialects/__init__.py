"""Dialect files as people handle them: checked with places, shown, compared, brought in from jPOS and moov, taken out to jPOS and
Wireshark, held against real traffic. `switch.wire` reads and writes messages with a dialect; this room reads and writes dialects.

Texts and values go in, texts and values come out: files are opened by the commands.
"""
