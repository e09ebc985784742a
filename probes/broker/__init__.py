"""What both Celery apps need of the broker: a transport that survives whatever is found in a queue.

Kombu and Celery trust the shape of what they take from a broker. A message of another shape raises somewhere between
the socket and the task, and takes the worker's loop down or makes it reconnect; a well-shaped one may ask for any
registered task, for a task an hour from now, or for further tasks on success. So every message is screened as it
leaves the socket. A refused one looks to kombu like a pop of Redis that found nothing; to RabbitMQ it is rejected:

    from probes.broker.transports import guard_queues
    guard_queues(app, {"results": {"probes.ingest"}, "heartbeats": {"probes.heartbeat"}}, on_refused=count_refusal)

`count_refusal(queue, cause, detail)` runs in the worker's consumer (never in a pool process), once for each refused
message, which is logged there once as well. `address` says where the broker is, `queues` how messages get there, and
`accounts` what a region logs in with. Ground floor: Celery, kombu and redis; no Django.
"""
