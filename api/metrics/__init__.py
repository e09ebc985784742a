"""`/metrics`: how everything stands now, for Prometheus. ADR 32."""
