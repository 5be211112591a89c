"""A local Cloud Storage server: the parts of the JSON and XML APIs that the pipeline uses.

For development and tests only: anybody who reaches it may do anything.
"""
