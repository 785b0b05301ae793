"""The report: a sweep as tables, figures and words, from the store alone.

Collect (the store), find (numbers), word and draw, write: each its own module, so that all but the first and the
last need neither store nor disk.
"""
