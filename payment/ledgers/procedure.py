"""The procedure document (GoBD): what books, who may what, and which rule of the database forbids what else.

Generated from the tables, rules, roles and migrations that are in force, so it is never behind them. Pure: facts in, sections out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from base.i18n import mark as _

Translate = Callable[[str], str]

TITLE = _("How the books are kept (procedure document)")
ACCOUNTS: Mapping[str, str] = {
    "receivable": _("What is owed to the city and has not been paid."),
    "psp_clearing": _("Money that payers gave to the payment provider and that has not reached the bank."),
    "bank": _("The city's bank account."),
    "bank_in_transit": _("Payouts of the provider that are on their way to the bank."),
    "cash:": _("Cash at a till; each till has an account."),
    "cash_in_transit": _("Cash on its way from a till to the bank, or change on its way from there."),
    "terminal_clearing": _("Card payments at a counter that have not reached the bank."),
    "received_in_advance": _("Fees received before the day of the service: not revenue yet."),
    "revenue:": _("Fees earned on the day of the service or kept by policy, gross; each product account has one."),
    "psp_fees": _("The payment provider's prices, as an expense of their own."),
    "refund_payable": _("Refunds that are owed to payers."),
    "transfer_payable": _("Refunds that are owed and go by bank transfer."),
    "waived_refunds": _("Refunds that nobody claims: waived in writing, or barred by limitation."),
    "unassigned": _("Money received of which it is not known what for."),
    "dispute_receivable": _("Money that the payer's bank took back and that is disputed."),
    "dispute_loss": _("Disputes that were lost."),
    "cash_difference": _("Differences found when a drawer was counted."),
    "write_off": _("What was written off by two persons."),
}
KINDS: Mapping[str, str] = {
    "fee": _("A payment came: money with the provider against fees received in advance."),
    "earned": _(
        "The day of the service has come, or a policy lets the city keep it: received in advance against revenue."
    ),
    "refund": _("A refund has arrived: out of what is not earned yet, else out of revenue, through refunds payable."),
    "refund_failed": _("A refund came back: its journal is reversed."),
    "reversal": _(
        "A journal is taken back whole, on the day that is open: one person asked with a reason, another approved."
    ),
    "psp_fee": _("What the provider took for a transaction: its prices against money with the provider."),
    "payout": _("The provider has sent money to the bank: in transit against money with the provider."),
    "payout_failed": _("A payout came back: its journal is reversed."),
    "payout_arrived": _("A payout stands on the bank's statement: bank against in transit."),
    "till_arrived": _(
        "Cash or card payments of a till stand on the bank's statement: bank against cash or cards on their way."
    ),
    "difference_settled": _("A difference was written off, assigned or kept as unassigned, by two persons."),
    "refund_overtaken": _(
        "A refund was owed while the payment was disputed, and the lost dispute has paid it back: out of what is not earned yet, "
        "else out of revenue, against the loss."
    ),
    "dispute": _("The payer's bank has taken a payment back: disputed money against money with the provider."),
    "dispute_won": _("The bank has decided for the city: the money is with the provider again."),
    "dispute_lost": _("The bank has decided for the payer: what was disputed is an expense; revenue stays gross."),
    "drawer_opened": _(
        "A drawer was opened and counted: change that was brought, and a difference to what was left in it."
    ),
    "drawer_closed": _("A drawer was counted and closed: the difference, and what goes to the bank."),
    "transfer_owed": _(
        "A refund cannot be made by the provider: out of what is not earned yet, else out of revenue, to transfers payable."
    ),
    "transfer_cancelled": _("A transfer order is cancelled: what it booked is reversed, and the refund is owed again."),
    "transfer_paid": _("The bank has transferred a refund: transfers payable against the bank account."),
    "transfer_returned": _(
        "The bank has returned a transfer: its payment is reversed, and it is owed by transfer again."
    ),
    "refund_waived": _(
        "A refund is owed no more, said by two persons with evidence: transfers payable against an income of its own."
    ),
}
_PRINCIPLES = (
    _(
        "Double entry in cents; every journal balances at its commit. "
        "Journals are only added: what was wrong is reversed by another journal, once."
    ),
    _(
        "About a second after its commit a journal is sealed: SHA-256 over the seal before it and its own text. "
        "The command `schalter ledger verify` works all seals out anew."
    ),
    _(
        "A day is closed by a person of the treasury. It takes no journal any more; "
        "what comes late stands on the next open day. Its root is to be kept elsewhere as well."
    ),
    _(
        "Who assesses, who orders and who keeps the cash are different accounts; a refund by hand is asked for and approved by two persons."
    ),
)
_MONEY_PERMISSIONS = (
    "finance",
    "refund",
    "ledger",
    "fee",
    "till",
    "export",
    "writeoff",
    "reconcile",
    "reversal",
    "transfer",
)


@dataclass(frozen=True, slots=True)
class Rule:
    """A named constraint or trigger of a table that holds money; `text` as the database says it."""

    table: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """As they are in the database and the code that runs now. `roles`: name and permissions; `duties`: permission and duty."""

    accounts: tuple[str, ...]
    kinds: tuple[str, ...]
    roles: Mapping[str, tuple[str, ...]]
    duties: Mapping[str, str]
    rules: tuple[Rule, ...]
    migrations: Mapping[str, str]
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Section:
    heading: str
    texts: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def concerns_money(sql: str, tables: Collection[str]) -> bool:
    """Whether it touches one of these tables or gives a permission of finance."""
    names = "|".join(sorted(tables))
    touches = (
        rf"\b(?:TABLE|UPDATE|INTO|ON|FROM)\s+(?:ONLY\s+)?(?:{names})\b|'(?:{'|'.join(_MONEY_PERMISSIONS)})\.[a-z]+'"
    )
    return re.search(touches, sql) is not None


def money_migrations(scripts: Mapping[str, str], tables: Collection[str]) -> dict[str, str]:
    """Of all migrations those that concern money, with their first comment."""
    return {name: _first_comment(sql) for name, sql in scripts.items() if concerns_money(sql, tables)}


def _first_comment(sql: str) -> str:
    lines = []
    for line in sql.splitlines():
        if not line.startswith("--"):
            break
        lines.append(line.removeprefix("--").strip())
    return " ".join(lines).partition(". ")[0].rstrip(".:")


def accounts_of(rule: str) -> tuple[str, ...]:
    """The alternatives of `entry_account`; one that names its parts ends with a colon."""
    found = re.search(r"\^\((.*)\)\$", rule.replace("'::text || '", "").replace("'::text) || '", ""))
    names = found.group(1) if found else ""
    return tuple(re.sub(r":\[.*", ":", name) for name in re.split(r"\|(?![^\[]*\])", names))


def document(facts: Facts, _t: Translate) -> tuple[Section, ...]:
    permissions = sorted(
        {one for all_of_them in facts.roles.values() for one in all_of_them if _is_money(one)} | set(facts.duties)
    )
    return (
        Section(_t(_("Principles")), tuple(_t(one) for one in _PRINCIPLES)),
        Section(
            _t(_("Accounts")),
            columns=(_t(_("Account")), _t(_("What stands on it"))),
            rows=tuple((one, _t(ACCOUNTS[one]) if one in ACCOUNTS else "") for one in facts.accounts),
        ),
        Section(
            _t(_("Kinds of journals")),
            columns=(_t(_("Kind")), _t(_("When, and on which accounts"))),
            rows=tuple((one, _t(KINDS[one]) if one in KINDS else "") for one in facts.kinds),
        ),
        Section(
            _t(_("Permissions and duties")),
            columns=(_t(_("Permission")), _t(_("Duty")), _t(_("Roles that have it"))),
            rows=tuple(
                (
                    one,
                    facts.duties.get(one, "–"),
                    ", ".join(name for name, has in sorted(facts.roles.items()) if one in has) or "–",
                )
                for one in permissions
            ),
        ),
        Section(
            _t(_("Rules of the database")),
            columns=(_t(_("Table")), _t(_("Rule")), _t(_("As the database says it"))),
            rows=tuple((one.table, one.name, one.text) for one in facts.rules),
        ),
        Section(
            _t(_("Settings")),
            columns=(_t(_("Setting")), _t(_("Meaning"))),
            rows=tuple(facts.settings.items()),
        ),
        Section(
            _t(_("Changes of the schema that concern money")),
            columns=(_t(_("Migration")), _t(_("What it is about"))),
            rows=tuple(facts.migrations.items()),
        ),
    )


def _is_money(permission: str) -> bool:
    return permission.partition(".")[0] in _MONEY_PERMISSIONS


def markdown(title: str, sections: Sequence[Section]) -> str:
    lines = [f"# {title}", ""]
    for one in sections:
        lines += [f"## {one.heading}", "", *(f"{text}\n" for text in one.texts)]
        if one.rows:
            lines += [_line(one.columns), _line(["---"] * len(one.columns)), *map(_line, one.rows), ""]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(re.sub(r"\s+", " ", cell).replace("|", "\\|") for cell in cells) + " |"
