"""Login of people at an OpenID provider: an optional extra (requirements-oidc.txt, ADR 38).

`configuration` reads the settings, and is all that is imported where there are none. `provider` dials, over the
guarded transport; `tokens` believes nothing but a signature; `backend` and `views` are mozilla-django-oidc's with
these in the place of its own.
"""
