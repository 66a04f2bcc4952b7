CREATE VIEW v_messages AS
-- Messages to customers, by us and by others: one row each, with those that wait or were withdrawn.
-- tenant: Whose.
-- message_id: Which.
-- order_id: The order that it is about.
-- exception_id: The exception that it is about, where one is named.
-- kind: Of that exception, where the store has it.
-- action_id: The action that sends it; none of what others sent.
-- state: How that action stands (`executed`: it went out); `sent` of what others sent.
-- topic: What it is about.
-- channel: `email`, `sms`, `push`, or another word.
-- language: The language that it is written in.
-- promised_by: The date that it names, as it was stated.
-- by: `/orderwatch`, or the source of whoever else sent it.
-- asked_at: When it was first asked for (log time); none of what others sent.
-- sent_at: When it went out; none while it has not.
-- waited_seconds: How long it took from the one to the other, in seconds.
SELECT messages.tenant, messages.message_id, messages.order_id, messages.exception_id, exceptions.kind, messages.action_id, messages.state, messages.topic, messages.channel, messages.language, messages.promised_by, messages."by", messages.asked_at, messages.sent_at, CAST(strftime('%s', messages.sent_at) AS INTEGER) - CAST(strftime('%s', messages.asked_at) AS INTEGER) AS waited_seconds
FROM messages LEFT OUTER JOIN exceptions ON exceptions.exception_id = messages.exception_id
