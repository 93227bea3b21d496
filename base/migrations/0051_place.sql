-- Points that people name: a postcode or a district, for "within so many kilometres of". From places.csv of the catalogue.
CREATE TABLE place (
  folded    text CONSTRAINT place_once PRIMARY KEY,     -- the name as people's words are compared
  name      text NOT NULL CONSTRAINT place_has_name CHECK (folded <> '' AND length(name) BETWEEN 1 AND 80),
  latitude  double precision NOT NULL CONSTRAINT place_latitude CHECK (latitude BETWEEN -90 AND 90),
  longitude double precision NOT NULL CONSTRAINT place_longitude CHECK (longitude BETWEEN -180 AND 180)
);
