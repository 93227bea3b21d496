"""The media worker: receives each participant's RTP on one UDP port and forwards it without decoding.

It knows no database, no web framework and no SDP. A packet goes udp -> dtls (decrypt) -> incoming -> outgoing -> udp.
"""
