-- Leases of media workers. A worker has no database: web processes that hear it renew its lease; one that does not hear it waits until
-- the lease has run out. `instance` is new with each start of the worker. The database's clock counts, which is one for all.
CREATE TABLE media_worker (
  name        text PRIMARY KEY CONSTRAINT media_worker_name CHECK (length(name) BETWEEN 1 AND 255),
  instance    text NOT NULL CONSTRAINT media_worker_instance CHECK (length(instance) BETWEEN 1 AND 64),
  former      text[] NOT NULL DEFAULT '{}',   -- its last lives: what was said of one may be written late
  renewed_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  lease_until timestamptz NOT NULL,
  load        double precision NOT NULL DEFAULT 0
              CONSTRAINT media_worker_load CHECK (load >= 0 AND load < 'Infinity'),       -- the busy share of its core
  CONSTRAINT media_worker_lease_is_short CHECK (lease_until > renewed_at AND lease_until <= renewed_at + interval '10 seconds')
);

CREATE FUNCTION media_worker_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  NEW.renewed_at := clock_timestamp();
  IF TG_OP = 'INSERT' THEN RETURN NEW; END IF;
  IF NEW.instance = OLD.instance THEN
    NEW.former := OLD.former;
    IF NEW.lease_until < OLD.lease_until THEN
      RAISE EXCEPTION 'the lease of % lives', OLD.name USING ERRCODE = '23514', CONSTRAINT = 'media_worker_lease_only_grows'; END IF;
  ELSE
    IF NEW.instance = ANY (OLD.former) THEN
      RAISE EXCEPTION 'that life of % is over', OLD.name USING ERRCODE = '23514', CONSTRAINT = 'media_worker_lives_once'; END IF;
    NEW.former := (OLD.instance || OLD.former)[1:8]; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER media_worker_guard BEFORE INSERT OR UPDATE ON media_worker FOR EACH ROW EXECUTE FUNCTION media_worker_guard();

-- A call is not broken while its worker lives, whoever cannot reach it. A worker without a row is one of the former release: nothing is
-- known of it. The row is locked, so a renewal under way is waited for: first the room, then its worker.
CREATE FUNCTION room_stays() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  PERFORM FROM media_worker w
    WHERE w.name = OLD.worker AND w.instance = OLD.worker_instance AND w.lease_until > clock_timestamp() FOR SHARE;
  IF FOUND THEN
    RAISE EXCEPTION 'room % is on a worker that lives', OLD.id
      USING ERRCODE = '23514', CONSTRAINT = 'room_stays_while_worker_lives'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER room_stays BEFORE UPDATE ON room FOR EACH ROW
  WHEN (OLD.worker_instance IS NOT NULL AND NEW.status = 'open' AND
        (NEW.epoch, NEW.worker, NEW.worker_instance) IS DISTINCT FROM (OLD.epoch, OLD.worker, OLD.worker_instance))
  EXECUTE FUNCTION room_stays();
