"""What both Celery apps need of the broker: a transport that survives whatever is found in a queue.

Kombu and Celery trust the shape of what they pop from Redis. An entry of another shape raises somewhere between
the socket and the task, and takes the worker's loop down or makes it reconnect; a well-shaped one may ask for any
registered task, for a task an hour from now, or for further tasks on success. So every entry is screened as it
leaves the socket, and a refused one looks to kombu like a pop that found nothing:

    from probes.broker.redis import guard_queues
    guard_queues(app, {"results": {"probes.ingest", "probes.heartbeat"}}, on_refused=count_refusal)

`count_refusal(queue, cause, detail)` runs in the worker's consumer (never in a pool process), once for each refused
message, which is logged there once as well. Ground floor: Celery, kombu and redis; no Django.
"""
