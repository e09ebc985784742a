"""`python -m probes.discovery`: discovery where there is no control plane, no Django and no database."""

import sys

from probes.discovery.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
