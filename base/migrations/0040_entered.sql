-- A request by need that staff entered for somebody who called or came by. Without an e-mail address (`is_called`) there is no link to open: staff have
-- the person before them, so it counts at once, and what comes of it is said by them.
ALTER TABLE allocation_request ADD COLUMN entered_by int REFERENCES account;
ALTER TABLE allocation_request ADD COLUMN is_called boolean NOT NULL DEFAULT false;
ALTER TABLE allocation_request ADD CONSTRAINT allocation_request_called_was_entered CHECK (NOT is_called OR entered_by IS NOT NULL) NOT VALID;
ALTER TABLE allocation_request VALIDATE CONSTRAINT allocation_request_called_was_entered;
