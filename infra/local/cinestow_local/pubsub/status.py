"""The errors that calls answer: a gRPC status code and a sentence."""

import grpc


class RpcError(Exception):
    """Ends a call with ``code``."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def not_found(name: str) -> RpcError:
    """No topic or subscription has that name."""
    return RpcError(grpc.StatusCode.NOT_FOUND, f"Resource not found (resource={name}).")


def already_exists(name: str) -> RpcError:
    """A topic or subscription of that name is there."""
    return RpcError(grpc.StatusCode.ALREADY_EXISTS, f"Resource already exists (resource={name}).")


def invalid(message: str) -> RpcError:
    """The request breaks a rule of the API."""
    return RpcError(grpc.StatusCode.INVALID_ARGUMENT, message)


def unimplemented(feature: str) -> RpcError:
    """The service has it, this development server has not."""
    return RpcError(grpc.StatusCode.UNIMPLEMENTED, f"The local Pub/Sub server has no {feature}.")
