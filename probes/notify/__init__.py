"""Notices on their way out of the control plane: e-mail, webhooks, Alertmanager, Apprise. No Django, no database.

HTTP goes over the guarded transport of `probes.wire`. What blocks, `smtplib` and Apprise, runs in a program of its
own, which is killed when its time is up.
"""
