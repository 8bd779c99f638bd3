"""The engine process: one for each user and device, which hosts talk to over a local socket.

docs/protocol.md describes the requests; `rde_roto_client` is the other side.
"""
