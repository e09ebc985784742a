"""Cloud registries whose password is short-lived: from a stored key to a login that works now.

An exchanger is one function, `(key, registry, line) -> Lease`: it asks the provider through `line`, which is the
guarded transport, and signs with the provider's own library, an optional extra (requirements-cloud.txt) that is
imported where it is first needed. `Exchanges` keeps what it hands out and renews it before it runs out. ADR 15.
"""

import logging

from probes.wire.exchangers.exchanges import Exchanges
from probes.wire.exchangers.line import ExchangeRefused, Refusal

# At DEBUG the libraries write down what they sign and what they read, keys and all.
for _name in ("botocore", "google", "msal"):
    logging.getLogger(_name).setLevel(logging.INFO)

__all__ = ["ExchangeRefused", "Exchanges", "Refusal"]
