"""Public status pages: what is told of groups to people who know nothing of what is behind (ADR 48)."""
