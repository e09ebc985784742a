"""The worker at a region: takes batches from its queue, runs them, and sends signed reports back.

It needs a broker, a region's name and a key file; it has no database and no Django. Imports go one way:
`edge → wire → protocol`, with `trust` and `broker` below.
"""
