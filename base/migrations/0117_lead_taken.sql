-- A visit whose first part's time was taken while that of another was free (a desk without its room) was refused with an error instead of
-- 'taken': the other part pointed at a first one that was not there. As in 0031, but for the end.
CREATE OR REPLACE FUNCTION hold_parts(p_now timestamptz, p_until timestamptz, p_request uuid, p_office int, p_for_staff boolean, p_service int[], p_fee int[],
                           p_quantity smallint[], p_counter int[], p_start timestamptz[], p_end timestamptz[], p_buffer smallint[]) RETURNS boolean
LANGUAGE plpgsql SET schalter.hours = 'on' AS $$
DECLARE wanted int := cardinality(p_counter); made int; was smallint[] := array_fill(NULL::smallint, ARRAY[wanted]);
  lead bigint := nextval(pg_get_serial_sequence('claim', 'id')); u record; broken text; BEGIN
  IF EXISTS (SELECT FROM unnest(p_start) AS s WHERE s <= p_now) THEN RETURN false; END IF;
  IF p_for_staff THEN PERFORM 1 FROM counter WHERE id = ANY (p_counter) ORDER BY id FOR NO KEY UPDATE; END IF;
  BEGIN
    IF p_for_staff THEN
      FOR u IN SELECT k.office_id, w.c, w.s, w.e, w.n FROM unnest(p_counter, p_start, p_end) WITH ORDINALITY w (c, s, e, n)
                 JOIN counter k ON k.id = w.c ORDER BY w.c, w.s LOOP
        was[u.n::int] := kept_gives_way(u.office_id, u.c, tstzrange(u.s, u.e));
      END LOOP;
    END IF;
    INSERT INTO claim (id, lead_id, parts, office_id, service_id, fee_id, quantity, counter_id, starts_at, ends_at, status, hold_until,
                       request_key, created_at, buffer_min, sold_by, kept) OVERRIDING SYSTEM VALUE
    SELECT CASE w.n WHEN 1 THEN lead ELSE nextval(pg_get_serial_sequence('claim', 'id')) END, CASE WHEN w.n > 1 THEN lead END,
           CASE WHEN w.n = 1 AND wanted > 1 THEN wanted END, k.office_id, w.v, w.f, w.q, w.c, w.s, w.e, 1,
           CASE w.n WHEN 1 THEN p_until ELSE 'infinity' END, CASE w.n WHEN 1 THEN p_request END, p_now, w.b, nullif(p_office, k.office_id), was[w.n::int]
      FROM unnest(p_service, p_fee, p_quantity, p_counter, p_start, p_end, p_buffer) WITH ORDINALITY w (v, f, q, c, s, e, b, n)
      JOIN counter k ON k.id = w.c ORDER BY w.c, w.s
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS made = ROW_COUNT;
    IF made < wanted THEN RAISE EXCEPTION USING ERRCODE = 'BK001'; END IF;
  EXCEPTION
    WHEN SQLSTATE 'BK001' THEN RETURN false;
    WHEN foreign_key_violation THEN
      GET STACKED DIAGNOSTICS broken = CONSTRAINT_NAME;
      IF broken <> 'claim_lead' THEN RAISE; END IF;
      RETURN false;
  END;
  RETURN true; END $$;
