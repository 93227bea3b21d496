"""The city's bank, played: an account, and a camt.053 file a day with what arrived and what was sent.

In process only; the files go where the caller puts them, as a bank's client would. State is kept in the object.
"""
