"""Changes on their way to open pages: by streams of events, and pages rendered once for many (ADR 47)."""
