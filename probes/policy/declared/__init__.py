"""Configuration as documents: what may be declared, how it is read, and what follows from it (ADR 41).

The form is docs/reference/configuration.md. Nothing in here knows a table or a file: texts and frozen values in,
frozen values and sentences out.
"""
