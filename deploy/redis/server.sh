#!/bin/sh
# Redis with accounts: nobody without a name, the control plane with all rights, and each region of this host with what
# its worker needs: to take from its own queue, to add to `results` and `heartbeats`, and to ask how many wait there.
# Redis 7 or newer.
#
#   REDIS_PASSWORD   of the account `control`
#   REDIS_REGIONS    slugs, with spaces between; the account edge-<slug> has the password in REDIS_<SLUG>_PASSWORD,
#                    with underscores for hyphens: REDIS_EU_WEST_PASSWORD
#
# Arguments are redis-server's own. Passwords go by standard input, so that no command line shows one.
set -eu

accounts() {
    echo "user default off"
    echo "user control on >${REDIS_PASSWORD:?} ~* &* +@all"
    for slug in ${REDIS_REGIONS:-}; do
        name=$(printf 'REDIS_%s_PASSWORD' "$slug" | tr 'a-z-' 'A-Z_')
        eval "password=\${$name:?}"
        # The worker declares its queue, which kombu writes down in two sets.
        bindings="%W~_kombu.binding.probe.$slug %W~_kombu.binding_permanent.probe.$slug"
        echo "user edge-$slug on >$password ~probe.$slug +ping +brpop +llen +multi +exec" \
            "(+sadd $bindings) (+lpush +llen %W~results %W~heartbeats)"
    done
}

configuration=$(accounts)
exec redis-server - "$@" <<CONFIGURATION
$configuration
CONFIGURATION
