"""Twilio's Messages API (2010-04-01) as a local server: it keeps every text, shows it, and reports with signed callbacks.

In tests: `async with text_sandbox() as texts:` gives `texts.url`, `texts.messages`, `texts.callbacks`, `texts.faults`.
"""

from sandbox.twilio.callbacks import CallbackPlan
from sandbox.twilio.faults import Fault
from sandbox.twilio.server import ACCOUNT_SID, AUTH_TOKEN, TextSandbox, text_sandbox

__all__ = ["ACCOUNT_SID", "AUTH_TOKEN", "CallbackPlan", "Fault", "TextSandbox", "text_sandbox"]
