"""A port for classic terminals, which tests add to a network file."""

CLASSIC_PORT = """
[[listener]]
name = "tills"
role = "terminal"
profile = "classic"
members = ["rif"]
address = "127.0.0.1:{}"
dialect = "cmi87b"
framing = "tpdu"
"""
