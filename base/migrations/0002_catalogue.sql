-- What the city offers, where, and when: the source of all hours. Texts are {"de": "...", "en": "..."}.
CREATE TABLE city (
  is_only      boolean PRIMARY KEY DEFAULT true CONSTRAINT city_only_one CHECK (is_only),
  name         jsonb NOT NULL CHECK (name ? 'de'),
  time_zone    text NOT NULL,
  holidays     text NOT NULL,                    -- "DE-BW": country and subdivision for the package holidays
  contact      jsonb NOT NULL DEFAULT '{}',
  languages    text[] NOT NULL DEFAULT '{de,en}',
  version      bigint NOT NULL DEFAULT 0         -- +1 with every change of the catalogue: whoever caches it looks here
);

CREATE TABLE office (
  id            int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  key           text NOT NULL CONSTRAINT office_key_once UNIQUE,
  name          jsonb NOT NULL CONSTRAINT office_name_has_german CHECK (name ? 'de'),
  street        text NOT NULL,
  postcode      text NOT NULL,
  place         text NOT NULL,
  latitude      double precision NOT NULL CONSTRAINT office_latitude CHECK (latitude BETWEEN -90 AND 90),
  longitude     double precision NOT NULL CONSTRAINT office_longitude CHECK (longitude BETWEEN -180 AND 180),
  is_step_free  boolean NOT NULL,
  directions    jsonb NOT NULL DEFAULT '{}',
  time_zone     text NOT NULL,
  is_active     boolean NOT NULL DEFAULT true
);

-- Anything that takes one appointment at a time: a desk, or one lane of a pool (video, telephone). A lane of capacity, not a person.
CREATE TABLE counter (
  id        int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  office_id int NOT NULL REFERENCES office,
  key       text NOT NULL,
  name      jsonb NOT NULL DEFAULT '{}',
  channel   text NOT NULL CONSTRAINT counter_channel CHECK (channel IN ('onsite', 'video', 'phone')),
  is_active boolean NOT NULL DEFAULT true,
  CONSTRAINT counter_key_once UNIQUE (office_id, key),
  CONSTRAINT counter_with_office UNIQUE (id, office_id)
);

CREATE TABLE service (
  id           int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  key          text NOT NULL CONSTRAINT service_key_once UNIQUE,
  leika_key    text CONSTRAINT service_leika_key CHECK (leika_key ~ '^99[0-9]{9,12}$'),
  name         jsonb NOT NULL CONSTRAINT service_name_has_german CHECK (name ? 'de'),
  summary      jsonb NOT NULL DEFAULT '{}',
  search_words jsonb NOT NULL DEFAULT '{}',       -- {"de": ["Perso"], "en": ["ID card"]}
  documents    jsonb NOT NULL DEFAULT '{}',       -- what to bring: {"de": ["Biometrisches Foto"], ...}
  channels     text[] NOT NULL DEFAULT '{}' CONSTRAINT service_channels CHECK (channels <@ ARRAY['onsite', 'video', 'phone']),
  duration_min int CONSTRAINT service_duration CHECK (duration_min BETWEEN 5 AND 480 AND duration_min % 5 = 0),
  topic        text NOT NULL DEFAULT '',         -- the group that joins services and counters in the import format
  top          int CONSTRAINT service_top CHECK (top > 0),   -- place among the services most asked for, 1 first; null: not among them
  source       text NOT NULL,
  is_active    boolean NOT NULL DEFAULT true,
  CONSTRAINT service_bookable CHECK (channels = '{}' OR duration_min IS NOT NULL)
);

CREATE TABLE counter_service (
  counter_id int NOT NULL REFERENCES counter,
  service_id int NOT NULL REFERENCES service,
  PRIMARY KEY (counter_id, service_id)
);
CREATE INDEX counter_service_service ON counter_service (service_id);

-- One line per service and language for search: name, search words; folded to lower case without umlauts by the importer.
CREATE TABLE service_search (
  service_id int NOT NULL REFERENCES service ON DELETE CASCADE,
  language   text NOT NULL,
  name       text NOT NULL,
  words      text NOT NULL,
  PRIMARY KEY (service_id, language)
);
CREATE INDEX service_search_name ON service_search USING gin (name gin_trgm_ops);
CREATE INDEX service_search_words ON service_search USING gin (words gin_trgm_ops);

-- Fees have versions by date; two never hold on one day. A row that appointments may point to keeps its amount: a corrected version
-- is a new row, and the old one's validity becomes empty.
CREATE TABLE fee (
  id           int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  service_id   int NOT NULL REFERENCES service,
  amount_cents int NOT NULL CONSTRAINT fee_not_negative CHECK (amount_cents >= 0),
  currency     text NOT NULL DEFAULT 'EUR' CONSTRAINT fee_currency CHECK (currency ~ '^[A-Z]{3}$'),
  legal_basis  jsonb NOT NULL DEFAULT '{}',
  valid        daterange NOT NULL DEFAULT '[,)',
  CONSTRAINT fee_one_at_a_time EXCLUDE USING gist (service_id WITH =, valid WITH &&)
);

-- What happens to the fee when a citizen cancels. A version is stored with each appointment and never changed.
CREATE TABLE refund_policy (
  id    int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  key   text NOT NULL CONSTRAINT refund_policy_key_once UNIQUE,
  share_percent int NOT NULL DEFAULT 100 CHECK (share_percent BETWEEN 0 AND 100),   -- of the fee, until the start
  text  jsonb NOT NULL CHECK (text ? 'de')
);
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% rows are never changed', TG_TABLE_NAME USING ERRCODE = '42501', CONSTRAINT = TG_TABLE_NAME || '_append_only'; END $$;
CREATE TRIGGER refund_policy_append_only BEFORE UPDATE OR DELETE ON refund_policy FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- The source of hours, in local time of the office; set_open() projects it into claim.
CREATE TABLE opening_hours (
  id         int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  counter_id int NOT NULL REFERENCES counter,
  weekday    int NOT NULL CONSTRAINT opening_hours_weekday CHECK (weekday BETWEEN 1 AND 7),   -- ISO 8601: 1 = Monday
  opens      time NOT NULL,
  closes     time NOT NULL,
  valid      daterange NOT NULL DEFAULT '[,)',
  CONSTRAINT opening_hours_forward CHECK (closes > opens)
);
CREATE INDEX opening_hours_counter ON opening_hours (counter_id);
CREATE TABLE closure (
  id         int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  office_id  int REFERENCES office,              -- both null: the whole city
  counter_id int REFERENCES counter,
  during     tstzrange NOT NULL,
  reason     text NOT NULL CONSTRAINT closure_reason CHECK (length(btrim(reason)) > 0)
);
