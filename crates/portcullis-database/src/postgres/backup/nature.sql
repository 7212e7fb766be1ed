-- What only a superuser may make, and no extension brings along: its kind and its name.
WITH brought AS (
    SELECT classid, objid FROM pg_catalog.pg_depend WHERE deptype = 'e'
), made (classid, oid, kind, name) AS (
    SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, f.oid, 'function', f.proname::text
    FROM pg_catalog.pg_proc f JOIN pg_catalog.pg_language l ON l.oid = f.prolang
    WHERE f.proleakproof OR f.prosupport <> 0
       -- Functions of a range are internal ones, and come with the type.
       OR (NOT l.lanpltrusted AND f.prokind <> 'a' AND NOT EXISTS (
           SELECT FROM pg_catalog.pg_depend d
           WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = f.oid AND d.deptype = 'i'))
       OR EXISTS (
           SELECT FROM pg_catalog.unnest(f.proconfig) c JOIN pg_catalog.pg_settings s
           ON pg_catalog.lower(s.name) = pg_catalog.lower(pg_catalog.split_part(c, '=', 1))
           WHERE s.context NOT IN ('user', 'backend'))
    UNION ALL
    SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, a.aggfnoid, 'aggregate', f.proname
    FROM pg_catalog.pg_aggregate a JOIN pg_catalog.pg_proc f ON f.oid = a.aggfnoid
    WHERE 'pg_catalog.internal'::pg_catalog.regtype IN (a.aggtranstype, a.aggmtranstype)
    UNION ALL
    SELECT 'pg_catalog.pg_cast'::pg_catalog.regclass, oid, 'cast',
           pg_catalog.format_type(castsource, NULL) || ' AS ' || pg_catalog.format_type(casttarget, NULL)
    FROM pg_catalog.pg_cast WHERE castmethod = 'b'
    UNION ALL SELECT 'pg_catalog.pg_opclass'::pg_catalog.regclass, oid, 'operator class', opcname FROM pg_catalog.pg_opclass
    UNION ALL SELECT 'pg_catalog.pg_opfamily'::pg_catalog.regclass, oid, 'operator family', opfname FROM pg_catalog.pg_opfamily
    UNION ALL SELECT 'pg_catalog.pg_language'::pg_catalog.regclass, oid, 'language', lanname FROM pg_catalog.pg_language
    UNION ALL SELECT 'pg_catalog.pg_am'::pg_catalog.regclass, oid, 'access method', amname FROM pg_catalog.pg_am
    UNION ALL SELECT 'pg_catalog.pg_ts_parser'::pg_catalog.regclass, oid, 'text search parser', prsname FROM pg_catalog.pg_ts_parser
    UNION ALL SELECT 'pg_catalog.pg_ts_template'::pg_catalog.regclass, oid, 'text search template', tmplname FROM pg_catalog.pg_ts_template
    UNION ALL SELECT 'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass, oid, 'foreign data wrapper', fdwname
    FROM pg_catalog.pg_foreign_data_wrapper
)
SELECT made.kind, made.name FROM made
-- The server's own have lower numbers.
WHERE made.oid >= 16384 AND NOT EXISTS (
    SELECT FROM brought b WHERE b.classid = made.classid AND b.objid = made.oid)
ORDER BY 1, 2 LIMIT 1
