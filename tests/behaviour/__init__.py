"""The project's own table of registry behaviour, and which tests carry its rows.

`table/*.toml` holds the rows and the threats; `claims` reads from the tests' source which rows each one shows;
`report` holds one against the other; `page` writes `docs/reference/registry-behaviour.md`. See ADR 0016.
"""
