"""Why a bank file is refused: each names the line and the element, for whoever has to call the bank. Nothing of the file is kept."""

from __future__ import annotations

from base.errors import DomainError


class BankFileRefused(DomainError):
    """The whole file. `line` counts from 1; `element` is the name in the file."""

    code = "bank_file_refused"
    status = 422
    message = "This bank file was refused."

    def __init__(self, line: int, element: str, **fields: object) -> None:
        super().__init__(line=line, element=element, **fields)


class NotXml(BankFileRefused):
    code = "bank_file_not_xml"
    message = "Line {line}: this is not well-formed XML, or its characters are not of the encoding that it names."


class NotPlain(BankFileRefused):
    code = "bank_file_not_plain"
    message = "Line {line}: a document type, entities or too deep nesting do not belong into a bank statement."


class OtherFormat(BankFileRefused):
    code = "bank_file_other_format"
    message = "Line {line}, {element}: this is no bank statement in the format camt.053.001.02 or camt.053.001.08."


class ElementMissing(BankFileRefused):
    code = "bank_file_element_missing"
    message = "Line {line}, {element}: the element {missing} is missing."


class ElementTwice(BankFileRefused):
    code = "bank_file_element_twice"
    message = "Line {line}, {element}: it may stand here only once."


class ValueWrong(BankFileRefused):
    code = "bank_file_value_wrong"
    message = "Line {line}, {element}: the value “{value}” does not belong here."


class OtherCurrency(BankFileRefused):
    code = "bank_file_other_currency"
    message = "Line {line}, {element}: only euros are booked here, not {value}."


class NotBooked(BankFileRefused):
    code = "bank_file_not_booked"
    message = "Line {line}, {element}: the entry is not booked. A statement for booking has booked entries only."


class NotTheSum(BankFileRefused):
    code = "bank_file_not_the_sum"
    message = "Line {line}, {element}: opening balance and entries make {sum}, but the closing balance is {stated}."


class BatchNotTheSum(BankFileRefused):
    code = "bank_file_batch_not_the_sum"
    message = "Line {line}, {element}: its single payments make {sum}, but {stated} is stated."


class NotTheNumber(BankFileRefused):
    code = "bank_file_not_the_number"
    message = "Line {line}, {element}: {found} single payments were found, but {stated} are stated."


class StatementKnown(BankFileRefused):
    code = "bank_statement_known"
    message = "Line {line}, {element}: statement {sequence} of {year} of this account is known already."


class ReferenceKnown(BankFileRefused):
    code = "bank_reference_known"
    message = "Line {line}, {element}: an entry with the bank's reference {value} is known already."


class DoesNotContinue(BankFileRefused):
    code = "bank_statement_does_not_continue"
    message = "Line {line}, {element}: the statement before ends with {before}, the next one begins with {after}."


REFUSALS = (
    *(NotXml, NotPlain, OtherFormat, ElementMissing, ElementTwice, ValueWrong, OtherCurrency, NotBooked, NotTheSum),
    *(BatchNotTheSum, NotTheNumber, StatementKnown, ReferenceKnown, DoesNotContinue),
)
