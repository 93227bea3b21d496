-- Whose time the city closes needs no pass for another one, as 0044 says: a transaction that gives them one says so.
CREATE OR REPLACE FUNCTION hold_set(p_now timestamptz, p_until timestamptz, p_request uuid[], p_service int[], p_fee int[], p_counter int[],
                                    p_start timestamptz[], p_end timestamptz[], p_buffer smallint[], p_office int[])
RETURNS TABLE (o_id bigint, o_request uuid) LANGUAGE sql AS $$
  INSERT INTO claim (office_id, service_id, fee_id, counter_id, starts_at, ends_at, status, hold_until, request_key, created_at, buffer_min, sold_by)
  SELECT k.office_id, u.v, u.f, k.id, u.s, u.e, 1, p_until, u.r, p_now, u.b, nullif(u.o, k.office_id)
    FROM unnest(p_request, p_service, p_fee, p_counter, p_start, p_end, p_buffer, p_office) WITH ORDINALITY u (r, v, f, c, s, e, b, o, n)
    JOIN counter k ON k.id = u.c WHERE u.s > p_now AND (NOT EXISTS (SELECT FROM guard g WHERE g.service_id = u.v)
                                       OR current_setting('schalter.unguarded', true) = 'on') ORDER BY u.n
  ON CONFLICT DO NOTHING RETURNING id, request_key $$;

CREATE OR REPLACE FUNCTION hold_visit(p_now timestamptz, p_until timestamptz, p_request uuid, p_office int, p_for_staff boolean, p_service int[],
                                      p_fee int[], p_quantity smallint[], p_counter int[], p_start timestamptz[], p_end timestamptz[],
                                      p_buffer smallint[]) RETURNS boolean
LANGUAGE sql AS $$
  SELECT CASE WHEN p_for_staff OR current_setting('schalter.unguarded', true) = 'on' OR NOT EXISTS (SELECT FROM guard WHERE service_id = ANY (p_service))
              THEN hold_parts(p_now, p_until, p_request, p_office, p_for_staff, p_service, p_fee, p_quantity, p_counter, p_start, p_end, p_buffer)
              ELSE false END $$;
