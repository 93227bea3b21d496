-- What a service asks besides who comes (docs/adr/0044). A question that is asked no more stays for the answers that were given to it.
CREATE TABLE question (
  id             int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  service_id     int NOT NULL REFERENCES service,
  key            text NOT NULL,
  place          int NOT NULL,                     -- in the order of asking
  text           jsonb NOT NULL CONSTRAINT question_german CHECK (coalesce(text ->> 'de', '') <> ''),
  kind           text NOT NULL CONSTRAINT question_kind CHECK (kind IN ('text', 'choice', 'date', 'number', 'yesno')),
  choices        jsonb NOT NULL,                   -- [{"key": …, "text": {"de": …}}]
  is_required    boolean NOT NULL,
  condition_key  text,                             -- asked only of whoever has given this answer to an earlier question
  condition_value text,
  kept_days      int NOT NULL CONSTRAINT question_kept_days CHECK (kept_days BETWEEN 1 AND 365),
  is_active      boolean NOT NULL DEFAULT true,
  CONSTRAINT question_once UNIQUE (service_id, key),
  CONSTRAINT question_choices CHECK (jsonb_typeof(choices) = 'array' AND (kind = 'choice') = (jsonb_array_length(choices) > 0)),
  CONSTRAINT question_condition_whole CHECK ((condition_key IS NULL) = (condition_value IS NULL)),
  CONSTRAINT question_not_of_itself CHECK (condition_key <> key),
  CONSTRAINT question_condition_of_service FOREIGN KEY (service_id, condition_key) REFERENCES question (service_id, key)
);

-- Sealed, and gone with the person; `kept_days` is what was said when it was asked.
CREATE TABLE question_answer (
  appointment_id uuid NOT NULL CONSTRAINT question_answer_of_person REFERENCES person ON DELETE CASCADE,
  question_id    int NOT NULL CONSTRAINT question_answer_of_question REFERENCES question,
  sealed         bytea NOT NULL CONSTRAINT question_answer_filled CHECK (length(sealed) > 0),
  kept_days      int NOT NULL CONSTRAINT question_answer_kept_days CHECK (kept_days BETWEEN 1 AND 365),
  CONSTRAINT question_answer_once PRIMARY KEY (appointment_id, question_id)
);
CREATE FUNCTION question_answer_asked() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NOT EXISTS (SELECT FROM question q JOIN claim c ON c.service_id = q.service_id AND c.appointment_id = NEW.appointment_id
                  WHERE q.id = NEW.question_id) THEN
    RAISE EXCEPTION 'question % is of no service of appointment %', NEW.question_id, NEW.appointment_id
      USING ERRCODE = '23514', CONSTRAINT = 'question_answer_asked'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER question_answer_asked BEFORE INSERT OR UPDATE OF question_id ON question_answer FOR EACH ROW
  EXECUTE FUNCTION question_answer_asked();
