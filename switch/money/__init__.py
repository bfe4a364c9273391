"""Amounts, currencies, rates, tariffs. Integers of minor units; rates are Decimal."""
