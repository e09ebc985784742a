#!/bin/sh
# Redis with accounts: nobody without a name, and the control plane with all rights. Those of regions are made, and ended,
# by the control plane (docs/how-to/broker.md). Redis 7 or newer.
#
#   REDIS_PASSWORD   of the account `control`
#
# Arguments are redis-server's own. The password goes by standard input, so that no command line shows it.
set -eu

exec redis-server - "$@" <<CONFIGURATION
user default off
user control on >${REDIS_PASSWORD:?} ~* &* +@all
CONFIGURATION
