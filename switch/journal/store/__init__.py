"""The journal in a database that several machines reach: who owns it, how it is appended to, how a node catches up.

The rule: the database decides and files remember. A record is durable when the database says so, to the owner and to nobody
else; segments beside it are written after that, so that everything which reads segments goes on as it did.
"""
