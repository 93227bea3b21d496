-- A case that moves to where the fee is less gives the difference back, once for each payment (refund_by_rule_once).
ALTER TABLE refund
  DROP CONSTRAINT refund_reason,
  ADD CONSTRAINT refund_reason CHECK (reason IN ('cancelled', 'lost_slot', 'manual', 'moved')) NOT VALID;
ALTER TABLE refund VALIDATE CONSTRAINT refund_reason;
