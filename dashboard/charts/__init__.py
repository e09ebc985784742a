"""Charts: pure functions from rows to SVG. Colours come from style classes, so both themes and paper are served.

Nothing foreign gets in unescaped: every value passes `format_html`. No inline style, which the
Content-Security-Policy forbids; geometry is in attributes. Each chart says in words what it shows.
"""
