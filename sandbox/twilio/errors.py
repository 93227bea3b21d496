"""Twilio's refusals: an HTTP status, its own code and a sentence (twilio.com/docs/api/errors)."""

from typing import Any


class ApiError(Exception):
    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message

    def body(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "message": self.message,
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }


# The recipients that Twilio's test credentials refuse (twilio.com/docs/iam/test-credentials).
MAGIC_NUMBERS = {
    "+15005550001": ApiError(400, 21211, "Invalid 'To' Phone Number: +1500555XXXX"),
    "+15005550002": ApiError(
        400, 21612, "Message cannot be sent with the current combination of 'To' and/or 'From' parameters"
    ),
    "+15005550003": ApiError(
        400, 21408, "Permission to send an SMS has not been enabled for the region indicated by the 'To' number"
    ),
    "+15005550004": ApiError(400, 21610, "Attempt to send to unsubscribed recipient"),
    "+15005550009": ApiError(400, 21614, "'To' number: +1500555XXXX, is not a valid mobile number"),
}
