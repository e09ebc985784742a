"""Finding what there is to watch: in files, in a running cluster, in a registry. Never Django, never a write.

What is found there means is decided by `probes.policy.discovery`. Run by `manage.py discover`, and by `python -m
probes.discovery` where there is no control plane (ADR 44).
"""
