//! A role that may make objects in the application's schema, and would have the gate's role
//! call them.

use crate::conformance::bench::{Bench, Engine};

/// Operators and functions that fit better than the server's own where those only fit by a
/// cast; each ends the statement that calls it.
fn trap(role: &str) -> String {
    let functions = ["lower(name)", "upper(name)", "length(name)", "min(name)", "max(name)"];
    let functions = functions.map(|function| {
        format!(
            "CREATE FUNCTION public.{function} RETURNS text LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'caught {function} as %', current_user; END $$;"
        )
    });
    let operators = ["~~", "!~~", "~", "=", "<>", "||"].map(|operator| {
        ["name, rightarg = name", "name, rightarg = text", "oid, rightarg = regclass"].map(
            |sides| {
                let types: String = sides.replace("rightarg = ", "");
                format!(
                    "DO $$ BEGIN
                     CREATE FUNCTION public.trap({types}) RETURNS bool LANGUAGE plpgsql AS
                     $f$ BEGIN RAISE EXCEPTION 'caught an operator as %', current_user; END $f$;
                 EXCEPTION WHEN duplicate_function THEN NULL; END $$;
                 CREATE OPERATOR public.{operator} (leftarg = {sides}, function = public.trap);"
                )
            },
        )
    });
    format!(
        "CREATE ROLE {role} LOGIN; GRANT CREATE ON SCHEMA public TO {role}; SET ROLE {role};
         {} {}
         CREATE FUNCTION public.caught() RETURNS int LANGUAGE plpgsql AS
         $$ BEGIN RAISE EXCEPTION 'caught a view as %', current_user; END $$;
         CREATE FUNCTION public.caught_early() RETURNS int IMMUTABLE LANGUAGE plpgsql AS
         $$ BEGIN RAISE EXCEPTION 'caught a plan as %', current_user; END $$;
         CREATE VIEW public.theirs AS SELECT public.caught(), public.caught_early();
         GRANT SELECT ON public.theirs TO PUBLIC; RESET ROLE",
        functions.concat(),
        operators.concat().concat()
    )
}

#[test]
fn nothing_that_a_stranger_has_made_is_called() {
    let bench = Bench::new(Engine::Postgres);
    bench.step("01_item", "CREATE TABLE item (id integer PRIMARY KEY);\n", "DROP TABLE item;\n");
    bench.gated(&["migrate"]).expect(0);
    // The worst order of names.
    bench.one(&format!("ALTER DATABASE {} SET search_path = public, pg_catalog", bench.database));
    bench.one(&trap(&format!("stranger_of_{}", bench.database)));
    let calm = |arguments: &[&str], exit: i32| {
        let ran = bench.gated(arguments).expect(exit);
        for said in [&ran.stdout, &ran.stderr] {
            let caught = said.lines().find(|line| line.contains("caught ") && !line.contains('%'));
            assert_eq!(caught, None, "{arguments:?}: {said}");
        }
        ran
    };
    calm(&["status"], 0);
    calm(&["drift"], 1);
    calm(&["migrate", "--enrol"], 0);
    bench.step(
        "02_more",
        "ALTER TABLE item ADD COLUMN name text;\n",
        "ALTER TABLE item DROP COLUMN name;\n",
    );
    let ran = calm(&["migrate"], 0);
    assert!(ran.stdout.contains("02"), "{}", ran.stdout);
    assert_eq!(bench.versions(), ["01", "02"]);
    calm(&["drift"], 0);
    calm(&["receipt", "list"], 0);
    calm(&["migrate", "--to", "01"], 0);
}
