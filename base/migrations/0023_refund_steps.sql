-- What is given back falls in steps as the start comes nearer: until step_hours[n] before it step_percent[n] of the fee, after the last
-- step nothing. Without steps it is share_percent until the start, as before (docs/adr/0022).
CREATE FUNCTION refund_falls(hours int[], percents int[]) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT cardinality(hours) = cardinality(percents)
     AND array_position(hours, NULL) IS NULL AND array_position(percents, NULL) IS NULL
     AND hours = ARRAY(SELECT DISTINCT h FROM unnest(hours) h ORDER BY h DESC) AND 0 <= ALL (hours)
     AND percents = ARRAY(SELECT DISTINCT p FROM unnest(percents) p ORDER BY p DESC) AND 1 <= ALL (percents) AND 100 >= ALL (percents) $$;
ALTER TABLE refund_policy
  ADD COLUMN step_hours   int[] NOT NULL DEFAULT '{}',
  ADD COLUMN step_percent int[] NOT NULL DEFAULT '{}',
  ADD CONSTRAINT refund_policy_falls CHECK (refund_falls(step_hours, step_percent)),
  ADD CONSTRAINT refund_policy_share_of_first_step CHECK (step_percent = '{}' OR share_percent = step_percent[1]);

-- A move does not bring back what cancelling would have cost already: the share at the moment of a move is the most there is afterwards.
ALTER TABLE appointment ADD COLUMN refund_most_percent smallint NOT NULL DEFAULT 100;
ALTER TABLE appointment ADD CONSTRAINT appointment_refund_most CHECK (refund_most_percent BETWEEN 0 AND 100) NOT VALID;
ALTER TABLE appointment VALIDATE CONSTRAINT appointment_refund_most;
CREATE TRIGGER appointment_refund_most_never_rises BEFORE UPDATE ON appointment FOR EACH ROW
  WHEN (NEW.refund_most_percent > OLD.refund_most_percent)
  EXECUTE FUNCTION refuse_by_rule('what a case gives back at most only falls');
