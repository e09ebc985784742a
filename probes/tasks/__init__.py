"""The control plane's Celery tasks: thin edges over actions. Their names are stable.

| task               | queue     | when                | does                                                  |
|--------------------|-----------|---------------------|-------------------------------------------------------|
| `probes.tick`      | `control` | each second         | claims what is due, publishes batches                 |
| `probes.reap`      | `control` | each 15 seconds     | gives up lost batches, silent and late regions, verdicts|
| `probes.scopes`    | `control` | each 5 seconds      | finds what the failures that are open have in common  |
| `probes.trim`      | `control` | each minute         | tidies the queues of regions that are away or retired |
| `probes.partitions`| `control` | each hour           | makes and drops days of outcomes, retention           |
| `probes.rollup`    | `control` | each 10 seconds     | sums up hours and days that have ended, thins old ones|
| `probes.tags`      | `control` | each minute         | looks at tags on which regions disagree               |
| `probes.expiry`    | `control` | each hour           | tells which certificates and logins expire soon       |
| `probes.accounts`  | `control` | each 5 seconds      | keeps the regions' accounts on the broker             |
| `probes.notices`   | `control` | each 5 seconds      | sends the notices that are due                        |
| `probes.ingest`    | `results` | a region's report   | stores outcomes, states and verdicts                  |
| `probes.heartbeat` | `heartbeats`| a region's heartbeat| notes that the region lives                         |
"""

from probes.tasks.accounts import accounts
from probes.tasks.control import infer_scopes, partitions, reap, rollup, tick, trim
from probes.tasks.events import expiry, tags
from probes.tasks.notices import notices
from probes.tasks.publishing import publish_on_commit
from probes.tasks.results import heartbeat, ingest

__all__ = [
    "accounts",
    "expiry",
    "heartbeat",
    "infer_scopes",
    "ingest",
    "notices",
    "partitions",
    "publish_on_commit",
    "reap",
    "rollup",
    "tags",
    "tick",
    "trim",
]
