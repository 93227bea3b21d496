"""A mail server that keeps every mail and shows it on a page. Nothing is ever sent on. Loopback only.

In tests: `async with mail_sandbox() as mail:` gives `mail.smtp_port`, `mail.messages`, `mail.faults`.
"""

from sandbox.smtp.faults import Fault
from sandbox.smtp.mailbox import Mail
from sandbox.smtp.server import MailSandbox, mail_sandbox

__all__ = ["Fault", "Mail", "MailSandbox", "mail_sandbox"]
