"""A payment service that speaks XBezahldienste, played by a real local server.

What was known of the standard when this was written, and what was not, stands in payment/xbezahl_words.py. Where it is silent the sandbox
can be either way: its own transaction ids or the request's (`own_ids`), Basic or OAuth.
"""
