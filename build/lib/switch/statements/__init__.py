"""What merchants, members and operators are told of a period: statements made of the ledger, as CSV, JSON or a page to print.

Pure. Read `statement.py` (entries and positions -> what is stated), then `rows.py` (CSV, JSON) and `page.py` (HTML, with
`charts.py` and `words.py`).
"""
