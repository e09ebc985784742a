"""What the control plane does, one module for each noun it does it to; functions are verbs.

Actions write to the database and never to a queue: what should run next they return as values, and the task,
view or admin action that called them enqueues it on commit (`probes.tasks.publish_on_commit`).
"""
