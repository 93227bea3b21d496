"""Stripe's errors: HTTP status, type, code, message, parameter. Source: docs.stripe.com/api/errors and /error-codes."""

from typing import Any

Json = dict[str, Any]


class ApiError(Exception):
    """A refusal in Stripe's shape. `executed` is false where no endpoint began: such answers are not kept under the
    idempotency key (docs.stripe.com/api/idempotent_requests)."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        type: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        executed: bool = True,
    ) -> None:
        super().__init__(message)
        self.message, self.status, self.type, self.code, self.param = message, status, type, code, param
        self.executed = executed

    def body(self) -> Json:
        error: Json = {"message": self.message, "type": self.type}
        if self.code is not None:
            error["code"] = self.code
            error["doc_url"] = "https://docs.stripe.com/error-codes/" + self.code.replace("_", "-")
        if self.param is not None:
            error["param"] = self.param
        return {"error": error}


def missing_object(noun: str, object_id: str, param: str = "id") -> ApiError:
    return ApiError(f"No such {noun}: '{object_id}'", status=404, code="resource_missing", param=param)


def bad_parameter(message: str, code: str, param: str) -> ApiError:
    return ApiError(message, code=code, param=param, executed=False)


def server_error() -> ApiError:
    """What Stripe says when its own side fails; kept under the idempotency key like any answer of a begun request."""
    return ApiError("An unknown error occurred.", status=500, type="api_error")
