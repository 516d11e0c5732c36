-- Triggers are refused, with the way round them.
CREATE SCHEMA trigger;
SET search_path = trigger;
CREATE TABLE item (name text, shout text);

CREATE FUNCTION refused() RETURNS trigger LANGUAGE pybox AS 'return "OK"';
CREATE FUNCTION refused() RETURNS event_trigger LANGUAGE pybox AS 'pass';
CREATE FUNCTION refused() RETURNS trigger LANGUAGE pyboxu AS 'return "OK"';
-- also when bodies are not checked
SET check_function_bodies = off;
CREATE FUNCTION refused() RETURNS trigger LANGUAGE pybox AS 'return "OK"';
RESET check_function_bodies;
-- and one that came in past the check
CREATE FUNCTION smuggled() RETURNS int LANGUAGE pybox AS 'return "OK"';
UPDATE pg_proc SET prorettype = 'trigger'::regtype WHERE oid = 'smuggled()'::regprocedure;
CREATE TRIGGER smuggled BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION smuggled();
INSERT INTO item VALUES ('a');
DROP TRIGGER smuggled ON item;
SELECT smuggled();

-- The way round
CREATE FUNCTION shouted(name text) RETURNS text LANGUAGE pybox AS 'return name.upper() + "!"';
CREATE FUNCTION item_shout() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.shout := trigger.shouted(NEW.name);
    RETURN NEW;
END $$;
CREATE TRIGGER item_shout BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION item_shout();
INSERT INTO item VALUES ('a'), ('b');
INSERT INTO item VALUES (NULL);
SELECT * FROM item;
