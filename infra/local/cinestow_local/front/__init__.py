"""What Cloud Run puts in front of a function: a limit of requests, a queue, a time-out."""
