-- Who assesses a fee, who orders money to be paid or accepted, and who keeps the cash are different people; who audits changes nothing
-- (docs/adr/0059). An account's roles together may hold permissions of one duty only, whoever gives the roles and whatever the offices.
CREATE TABLE duty_permission (
  permission text PRIMARY KEY,
  duty       text NOT NULL CONSTRAINT duty_permission_duty CHECK (duty IN ('assessing', 'ordering', 'cash', 'auditing'))
);
INSERT INTO duty_permission (permission, duty) VALUES
  ('fee.assess', 'assessing'),
  ('refund.approve', 'ordering'), ('export.send', 'ordering'), ('writeoff.approve', 'ordering'),
  ('till.work', 'cash'), ('ledger.close', 'cash'),
  ('finance.audit', 'auditing');

CREATE FUNCTION refuse_clashing_duties(accounts int[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE a int; BEGIN
  SELECT r.account_id INTO a FROM account_role r JOIN role o ON o.id = r.role_id CROSS JOIN unnest(o.permissions) p JOIN duty_permission d ON d.permission = p
   WHERE r.account_id = ANY (accounts) GROUP BY r.account_id HAVING count(DISTINCT d.duty) > 1 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'account % would have two duties', a USING ERRCODE = '23514', CONSTRAINT = 'account_duties_disjoint'; END IF;
  SELECT r.account_id INTO a FROM account_role r JOIN role o ON o.id = r.role_id CROSS JOIN unnest(o.permissions) p
   WHERE r.account_id = ANY (accounts) GROUP BY r.account_id
  HAVING bool_or(p = 'finance.audit') AND bool_or(p <> 'finance.audit' AND p NOT LIKE '%.read') LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'account % audits and would change something', a USING ERRCODE = '23514', CONSTRAINT = 'account_auditor_reads_only'; END IF;
END $$;
-- Two roles given at once to one account wait for each other here, and so do a role that is given and one that is changed.
CREATE FUNCTION account_role_duties() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  PERFORM FROM account WHERE id = NEW.account_id FOR NO KEY UPDATE;
  PERFORM FROM role WHERE id = NEW.role_id FOR SHARE;
  PERFORM refuse_clashing_duties(ARRAY[NEW.account_id]); RETURN NULL; END $$;
CREATE TRIGGER account_role_duties AFTER INSERT OR UPDATE ON account_role FOR EACH ROW EXECUTE FUNCTION account_role_duties();
CREATE FUNCTION role_duties() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  PERFORM refuse_clashing_duties(ARRAY(SELECT account_id FROM account_role WHERE role_id = NEW.id)); RETURN NULL; END $$;
CREATE TRIGGER role_duties AFTER UPDATE ON role FOR EACH ROW EXECUTE FUNCTION role_duties();
CREATE FUNCTION duty_permission_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  PERFORM refuse_clashing_duties(ARRAY(SELECT id FROM account)); RETURN NULL; END $$;
CREATE TRIGGER duty_permission_kept AFTER INSERT OR UPDATE ON duty_permission FOR EACH STATEMENT EXECUTE FUNCTION duty_permission_kept();
CREATE TRIGGER duty_permission_stays BEFORE DELETE OR TRUNCATE ON duty_permission
  EXECUTE FUNCTION refuse_by_rule('a permission keeps its duty');

INSERT INTO role (name, permissions) VALUES
  ('treasury', ARRAY['finance.read', 'ledger.close']),
  ('auditor',  ARRAY['finance.read', 'finance.audit']);
