"""The demonstration registry: a real little OCI registry over TLS, with a script to play.

`make demo` starts it beside everything else, so that a newcomer without internet sees every state of the
product; the tests and the pipeline's benchmark use the same server. It has its own CA and token server, and
hosts that keep its blobs. `script` says what each image does,
`content` makes the images, `distribution`, `tokens` and `storage` answer, `http1` speaks HTTP, `certificates`
and `state` keep what must survive a restart, `registry` puts it together, and `setup` tells Kairos about it.
"""
