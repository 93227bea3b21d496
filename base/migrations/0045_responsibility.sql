-- Which of a service's counters are for whom: by the first letters of the surname, the postcode, or what it is about. A counter without a
-- row serves everybody (docs/adr/0041).
CREATE TABLE responsibility (
  id         int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  service_id int NOT NULL,
  counter_id int NOT NULL,
  first      text NOT NULL DEFAULT '',           -- "a" to "kz": folded, up to three letters; both empty: any name
  last       text NOT NULL DEFAULT '',
  postcodes  text[] NOT NULL DEFAULT '{}',       -- none: any
  kind       text NOT NULL DEFAULT '',           -- a key of this service's kinds; empty: any
  kind_name  jsonb NOT NULL DEFAULT '{}',
  CONSTRAINT responsibility_of_a_counter_that_serves FOREIGN KEY (counter_id, service_id) REFERENCES counter_service ON DELETE CASCADE,
  CONSTRAINT responsibility_letters CHECK (first ~ '^[a-z]{0,3}$' AND last ~ '^[a-z]{0,3}$' AND (first = '') = (last = '')
    AND first <= rpad(last, 3, 'z')),
  CONSTRAINT responsibility_postcodes CHECK (array_to_string(postcodes, ' ', '') ~ '^([0-9A-Z-]{3,10}( [0-9A-Z-]{3,10})*)?$'),
  CONSTRAINT responsibility_kind CHECK (kind ~ '^[a-z0-9-]{0,60}$' AND (kind = '') = (kind_name = '{}')),
  CONSTRAINT responsibility_says_something CHECK (first <> '' OR postcodes <> '{}' OR kind <> '')
);
CREATE INDEX responsibility_service ON responsibility (service_id);
