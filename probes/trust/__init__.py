"""Who may say what on the broker: keys, signed envelopes, sealed secrets.

Every message in either direction is one envelope, signed by whoever sends it and addressed to whoever may
act on it; every secret is sealed to one region and bound to the place it may be used at. Ground floor:
PyNaCl, no Django, and no I/O but that of the key files.
"""
