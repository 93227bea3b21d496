-- Whether somebody books a service twice (docs/adr/0026): the same name with the same e-mail address or mobile number. How often at a time is allowed
-- is the service's; null: as often as one likes, but one is asked. Who was written by the former code has no name to compare, and is nobody's twin.
ALTER TABLE person ADD COLUMN name_hmac bytea CONSTRAINT person_name_is_hmac CHECK (length(name_hmac) = 32);
ALTER TABLE service ADD COLUMN most_per_person int CONSTRAINT service_most_per_person CHECK (most_per_person BETWEEN 1 AND 20);
