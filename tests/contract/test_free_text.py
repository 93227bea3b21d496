"""Every column of the schema that can hold a text, and what becomes of it: a new one has to be classified here, or nothing passes.

What is typed about somebody's case goes with its person or by a term (docs/adr/0069); tests/flows/test_forgotten_words.py plants words in
what this list names so, and looks for them in a dump.
"""

from __future__ import annotations

from collections.abc import Mapping

import asyncpg

from payment.retention.store import COUNT

# Typed about a case: erased with its person (docs/adr/0017).
WITH_PERSON = """
    allocation_request.check_reason charge.withdraw_reason charge_history.reason open_fee.note override.reason
    reduction_claim.reason refund.note refund_step.note transfer_step.note"""
# Sealed, or a part of what is: with the person, too; or by the part's own rule, which the page of terms names.
SEALED = """
    allocation_document.content allocation_person.birth_date allocation_person.contact allocation_person.reason
    allocation_person.who allocation_request.contact_hmac allocation_request.person_hmac appointment.token_sealed
    charge.code_hmac charge.token_sealed hold_who.sealed idempotency.answer idempotency.fingerprint idempotency.key invitation.code_hmac
    invitation.details message.contents overview_link.contact overview_link.contact_hmac person.email person.email_hmac
    person.mailbox_hmac person.mobile person.mobile_hmac person.name person.name_hmac person.needs person.postal_address
    question_answer.sealed sign_in_attempt.subject till_code.code_hmac till_code.contact_hmac till_hold.contact_hmac
    transfer_letter.code_hmac transfer_order.holder transfer_order.iban transfer_order.iban_end transfer_file.content
    waitlist_offer.contact_hmac waitlist_wish.contact_hmac guard_tally.network"""
# By the term of this kind, in a run that is written down.
BY_TERM: Mapping[str, str] = {
    "receipt_text": "charge.label charge.lines payment.lines transfer_order.lines",
    "finance_note": """
        difference_note.text difference_request.note reversal.reason transfer_waiver.evidence transfer_waiver.reason""",
    "bank_statement": """
        bank_detail.acct_svcr_ref bank_detail.creditor_iban bank_detail.creditor_name bank_detail.creditor_reference bank_detail.debtor_iban
        bank_detail.debtor_name bank_detail.end_to_end_id bank_detail.msg_id bank_detail.pmt_inf_id bank_detail.remittance
        bank_detail.return_reason bank_file.name bank_file.raw""",
    "bank_refusal": "bank_refusal.code bank_refusal.fields bank_refusal.name",
    "export_file": "export_file.content export_file.format export_file.name export_download.format",
    "provider_message": "vendor_event.event_id vendor_event.kind vendor_event.vendor",
}
# Typed by staff about the city's own things, its staff and groups, or about money that is no case's: no person's case hangs on it.
OF_THE_CITY = """
    account.login account.name account.password_hash allocation_mark.because allocation_run.given_up_because
    allocation_run.seed_because allocation_former_seed.because
    allocation_run.seed_source allowance.name allowance.reason catalogue_upload.content catalogue_upload.report city.contact
    city.holidays city.languages city.name city.time_zone closing.reason closure.reason counter.name difference.lines drawer.note
    drawer.bag drawer.opening_note till.terminal
    export_acknowledgement.reference fee.legal_basis charge.legal_basis hours_change.after hours_change.before hours_change.subject
    hours_exception.reason office.directions office.name office.place office.postcode office.street office.time_zone place.folded
    place.name question.choices question.condition_value question.text reduction.legal_basis reduction.name reduction.proof
    refund_policy.text responsibility.first responsibility.kind_name responsibility.last responsibility.postcodes
    retention_term.legal_basis retention_term.reason role.name role.permissions service.counted service.documents service.name
    service.needs service.search_words service.source service.summary service.topic service_office.release_plan service_search.name
    service_search.words till.name transfer_file.account_iban transfer_file.account_name"""
# The provider's or the bank's own words about money, and what we wrote ourselves: numbers and codes, no person's words.
OF_MACHINES = """
    appointment.number bank_entry.acct_svcr_ref bank_entry.entry_ref bank_entry.iban bank_entry.info bank_entry.msg_id
    bank_entry.pmt_inf_id bank_match.order_id bank_match.payout_id bank_match.provider bank_statement.iban
    bank_statement.statement_id counter_payment.id counter_payment.pay_url counter_payment.slip counter_refund.session_id
    dispute.attention dispute.provider_id dispute.reason drawer.count entry.account job.args job.key job.last_error job.name
    journal.subject kassenzeichen_prefix.prefix matching_link.transaction_id media_worker.former media_worker.instance
    media_worker.name message.key message.last_error message.provider_id payment.attention payment.charge_id payment.description
    payment.kassenzeichen payment.pay_url payment.provider payment.return_url payment.session_id provider_listing.provider
    provider_payout.* provider_payout_now.* provider_payout_part.* payment.method provider_price.method provider_price.provider
    provider_reading.provider provider_transaction.* provider_transaction_now.* refund.failure refund.provider_id room.worker
    room.worker_instance schema_migration.name transfer_order.bank_entry_ref transfer_order.purpose transfer_step.record
    web_process.address allocation_run.list allocation_run.result allocation_run.seed difference.subject seat.label
    allocation_former_seed.seed difference.choices difference_request.choice export_batch.manifest_sha256"""
# Words of ours from a closed list, keys of the catalogue, hashes of what is itself nowhere, numbers and times in JSON or an array.
OF_CODE = """
    allocation_document.kind allocation_mark.class_days allocation_request.language allocation_request.offices
    allocation_request.public_id allocation_request.status allocation_request.windows allocation_run.class_days
    allocation_run.status allocation_service.class_days appointment.channel appointment.language appointment.status
    appointment_history.status charge.currency charge.kind charge.language charge.status charge_history.status closing.counters
    closing.if_silent counter.channel counter.key counter.resource counter_payment.currency counter_payment.method
    counter_payment.status counter_refund.method counter_refund.status difference.cause difference.proposal difference.state
    difference_note.what difference_request.proposal dispute.status duty_permission.duty duty_permission.permission fee.currency
    fee.product guard_pass.way guard_refused.why hours_change.kind invitation.channel invitation.language invitation.way job.status
    journal.kind message.channel message.language message.status message.template office.key open_fee.reason opening_hours.kind
    overview_link.channel overview_link.language payment.capture payment.currency payment.keep_reason payment.language
    payment.status question.condition_key question.key question.kind rebooking.because rebooking.status reconfirm.status
    reduction.key reduction.kind reduction.per reduction.services reduction_claim.outcome refund.reason refund.status
    refund.transfer_status refund_step.event refund_policy.key refund_policy.step_hours refund_policy.step_percent responsibility.kind
    retention_run.kind retention_term.kind reversal.status room.status seat.muted seat.role seat.sends seat.state service.capture
    service.channels service.key service.leika_key service_office.channels service_search.language ticket.channel ticket.status
    ticket_history.status till.key till_code.way till_hold.because till_hold.verified transfer_order.status transfer_step.event
    bank_cleared.kind transfer_waiver.ground
    transfer_waiver.status
    waitlist_offer.status waitlist_slot.status waitlist_wish.offices waitlist_wish.windows"""
_TEXTUAL = """
    SELECT table_name || '.' || column_name AS name, table_name AS tab, column_name AS col
      FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
     WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
       AND data_type IN ('text', 'character varying', 'jsonb', 'json', 'bytea', 'ARRAY')"""


def classified() -> list[str]:
    texts = (WITH_PERSON, SEALED, *BY_TERM.values(), OF_THE_CITY, OF_MACHINES, OF_CODE)
    return [name for text in texts for name in text.split()]


async def test_every_column_that_can_hold_a_text_is_classified_once(dsn: str) -> None:
    conn = await asyncpg.connect(dsn)
    try:
        rows = await conn.fetch(_TEXTUAL)
    finally:
        await conn.close()
    known = classified()
    assert len(known) == len(set(known))
    hashes = {row["name"] for row in rows if "sha256" in row["col"] or row["col"] == "digest"}
    found = {row["name"] for row in rows} - hashes
    whole = {name.removesuffix(".*") for name in known if name.endswith(".*")}
    of_whole = {row["name"] for row in rows if row["tab"] in whole}
    named = {name for name in known if not name.endswith(".*")} - hashes
    assert sorted(found - of_whole - named) == []  # new, and nobody has said what becomes of it
    assert sorted(named - found) == []  # gone, or written wrong


def test_each_term_is_carried_out() -> None:
    assert set(BY_TERM) <= {*COUNT, "receipt_text"}  # that one: booking.charges.forgetting
