-- The relations that this transaction may have changed, and what may read otherwise because
-- of them. Whatever changes a relation's definition locks it, to the transaction's end, against
-- others that would: so the server's own list of locks is complete. A relation is given as
-- twice its number, and one more where it may have another name: that takes the strongest lock.
--
-- $1: also these; $2: not these. The first row holds what was found, the others objects.
CREATE FUNCTION pg_catalog.portcullis_touched(also bigint[], besides bigint[])
RETURNS TABLE (a_kind text, a_name text, a_definition text) LANGUAGE plpgsql
SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan SET jit = off
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $portcullis$
#variable_conflict use_column
DECLARE
    here oid := (SELECT oid FROM pg_database WHERE datname = current_database());
    locked bigint[] := ARRAY(
        SELECT relation::bigint * 2 + (mode = 'AccessExclusiveLock')::int FROM pg_locks
        WHERE pid = pg_backend_pid() AND locktype = 'relation' AND database = here
          AND mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')
        EXCEPT SELECT unnest(besides) UNION SELECT unnest(also));
    touched oid[] := ARRAY(SELECT DISTINCT (one / 2)::oid FROM unnest(locked) one);
    renamed oid[] := ARRAY(SELECT (one / 2)::oid FROM unnest(locked) one WHERE one % 2 = 1);
    those oid[];
BEGIN
    IF locked = '{}' THEN
        RETURN QUERY SELECT 'locks', '', '';
        RETURN;
    END IF;
    those := ARRAY(
        SELECT unnest(touched)
        UNION SELECT x.indexrelid FROM pg_index x WHERE x.indrelid = ANY (touched)
        UNION SELECT x.indrelid FROM pg_index x WHERE x.indexrelid = ANY (touched)
        UNION SELECT d.refobjid FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                  AND d.objid = ANY (touched) AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
        UNION SELECT CASE d.classid
                      WHEN 'pg_class'::regclass THEN d.objid
                      WHEN 'pg_constraint'::regclass THEN (SELECT k.conrelid FROM pg_constraint k WHERE k.oid = d.objid)
                      WHEN 'pg_rewrite'::regclass THEN (SELECT w.ev_class FROM pg_rewrite w WHERE w.oid = d.objid)
                      WHEN 'pg_trigger'::regclass THEN (SELECT t.tgrelid FROM pg_trigger t WHERE t.oid = d.objid)
                      WHEN 'pg_policy'::regclass THEN (SELECT p.polrelid FROM pg_policy p WHERE p.oid = d.objid)
                      WHEN 'pg_attrdef'::regclass THEN (SELECT f.adrelid FROM pg_attrdef f WHERE f.oid = d.objid)
                  END
              FROM pg_depend d WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY (renamed)
        UNION SELECT d.objid
              FROM pg_type y JOIN pg_depend d ON d.refclassid = 'pg_type'::regclass AND d.refobjid IN (y.oid, y.typarray)
              WHERE y.oid = ANY (ARRAY(SELECT c.reltype FROM pg_class c WHERE c.oid = ANY (renamed) AND c.reltype <> 0))
                AND d.classid = 'pg_class'::regclass);
    -- Functions and types that name a relation are read with the whole schema only.
    IF EXISTS (SELECT FROM pg_depend d WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY (renamed)
               AND (d.classid = 'pg_proc'::regclass OR d.classid = 'pg_type'::regclass AND d.deptype <> 'i'))
       OR EXISTS (SELECT FROM pg_type y JOIN pg_depend d ON d.refclassid = 'pg_type'::regclass AND d.refobjid IN (y.oid, y.typarray)
                  WHERE y.oid = ANY (ARRAY(SELECT c.reltype FROM pg_class c WHERE c.oid = ANY (renamed) AND c.reltype <> 0))
                    AND (d.classid = 'pg_proc'::regclass OR d.classid = 'pg_type'::regclass AND d.deptype <> 'i')) THEN
        RAISE feature_not_supported USING MESSAGE = 'a function or a type names what has changed';
    END IF;
    RETURN QUERY SELECT 'locks', array_to_string(locked, ','), '';
    RETURN QUERY
    /* objects */;
END
$portcullis$;

-- Tables whose rows this transaction may have changed: only with a lock can it.
CREATE FUNCTION pg_catalog.portcullis_written() RETURNS SETOF text LANGUAGE plpgsql
SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan SET jit = off AS $portcullis$
BEGIN
    RETURN QUERY
    SELECT DISTINCT quote_ident(n.nspname) || '.' || quote_ident(c.relname)
    FROM pg_lock_status() l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation'
      AND l.mode NOT IN ('AccessShareLock', 'RowShareLock') AND c.relkind IN ('r', 'p')
      AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
      AND c.relname <> '__diesel_schema_migrations'
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database());
END
$portcullis$;

-- How often each of the server's own tables was written to: what does the same writes the same.
CREATE FUNCTION pg_catalog.portcullis_writes() RETURNS text LANGUAGE plpgsql
SET search_path = pg_catalog AS $portcullis$
BEGIN
    RETURN concat_ws(',', /* writes */);
END
$portcullis$
