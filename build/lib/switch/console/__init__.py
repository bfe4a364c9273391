"""Screens for who operates a switch: a process of its own beside it, which reads its hop log, journal and index, and asks its
control socket.

Read `running.py` (how it is put together), `web.py` (addresses, who may see them), then a screen in `screens`. `board.py` adds up
the hop log; `rendering.py` makes pages of `templates`.
"""
