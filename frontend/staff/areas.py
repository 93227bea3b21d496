"""Where staff work: one line per area, shown in the header and on the start page to whoever has the permission somewhere."""

from __future__ import annotations

from dataclasses import dataclass

from base.i18n import mark as _


@dataclass(frozen=True, slots=True)
class Area:
    permission: str
    path: str  # without its language
    label: str
    meaning: str


AREAS: tuple[Area, ...] = (
    Area("queue.call", "/counter/", _("Counter"), _("The day of your office: check in, call, serve")),
    Area("hold.staff", "/bookings/", _("Bookings"), _("Book, move or cancel for people who call or come by")),
    Area("invitation.make", "/invitations/", _("Invitations"), _("Ask people to choose a time within a window")),
    Area("hours.change", "/hours/", _("Hours"), _("Opening hours, single days and what was changed")),
    Area("waitlist.read", "/waitlist/", _("Earlier times"), _("Who waits, what is kept for them, what became of it")),
    Area(
        "hours.change",
        "/closings/",
        _("Closings"),
        _("Close a counter or an office, and find new times for those affected"),
    ),
    Area("till.work", "/till/", _("Cash desk"), _("Take fees in cash or by card, give money back, count the drawer")),
    Area("finance.read", "/finance/", _("Till"), _("Payments, journals and differences of a day; refunds")),
    Area("finance.read", "/transfers/", _("Transfers"), _("Refunds by bank transfer: assess, approve, send")),
    Area("reconcile.work", "/bank/", _("Bank"), _("Bank statements: send them, see their gaps, search their entries")),
    Area(
        "allocation.check",
        "/allocation/",
        _("By need"),
        _("Requests, their deadlines, and runs that give out appointments"),
    ),
    Area(
        "catalogue.import",
        "/catalogue/",
        _("Catalogue"),
        _("Send the catalogue's files, see what they change, apply them"),
    ),
    Area(
        "oversight.read",
        "/oversight/",
        _("Oversight"),
        _("How long records are kept, what was deleted, and who may see what"),
    ),
    Area("guard.change", "/guard/", _("Guarded"), _("Keep programs from taking all times of a service")),
)

# What a permission lets one do, in the words of the start page. The names are those of the rows of `role`.
PERMISSIONS = {
    "queue.call": _("See the day of the office, check people in, call and serve them"),
    "queue.manage": _("Free counters that others have taken, and set up the board"),
    "fee.assess": _("Ask those who are served for further fees, and withdraw them"),
    "person.read": _("See the names of those who come"),
    "hold.staff": _("Book for people on the telephone, also from the time kept for that"),
    "hold.override": _("Book although a time is taken or outside of hours, with a reason"),
    "invitation.make": _("Invite people by a personal link, withdraw it and send it again"),
    "waitlist.read": _("See the figures of the list for earlier times"),
    "hours.change": _("Change hours, closures and rules of services"),
    "finance.read": _("See payments, journals and differences"),
    "refund.request": _("Ask for a refund"),
    "refund.approve": _("Approve a refund that somebody else asked for"),
    "transfer.enter": _("Enter a payee's bank account for a refund"),
    "transfer.assess": _("Say that a transfer order is correct in substance and sum"),
    "transfer.approve": _("Approve a transfer order that somebody else assessed"),
    "transfer.send": _("Make and fetch the file of transfers for the bank"),
    "reconcile.work": _("Send bank statements and see their entries"),
    "till.work": _("Take fees at a till and give released money back"),
    "till.kiosk": _("A kiosk: say what its card terminal took"),
    "till.close": _("Set up tills, count and close drawers"),
    "ledger.close": _("Close a day of the books for ever"),
    "export.send": _("Make the treasury's batches of closed days"),
    "export.take": _("Acknowledge batches for the treasury"),
    "reversal.request": _("Ask for a journal to be reversed"),
    "reversal.approve": _("Approve a reversal that somebody else asked for"),
    "writeoff.approve": _("Approve that a difference is written off, which somebody else asked for"),
    "finance.audit": _("Check the seals of the books; change nothing"),
    "allocation.check": _("Confirm, correct or refuse the deadlines of requests"),
    "allocation.mark": _("Say which services are given out by need"),
    "allocation.run": _("Open runs, enter the seed and release the offers"),
    "catalogue.import": _("Replace the catalogue of offices, services, fees and hours by files"),
    "oversight.read": _("See how long records are kept and who may see what"),
    "retention.change": _("Change how long records are kept"),
    "guard.change": _("Guard services against programs, and allow others to book for many"),
    "account.manage": _("Manage accounts"),
}
