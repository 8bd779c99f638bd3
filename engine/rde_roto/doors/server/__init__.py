"""The engine process: one a user and device, which hosts ask over a local socket.

docs/protocol.md says what they ask; `rde_roto_client` is the other side.
"""
