//! What belongs to a database and not into it: no dump of its content has that, and a
//! database that takes another's place must have it too.

use crate::postgres::link::conn::{Conn, Failure, literal, name};
use crate::postgres::link::transaction::together;

/// `CREATE DATABASE` for an empty one with the encoding, the locale, the owner and the place
/// of another.
pub(crate) fn create_like(admin: &mut Conn, like: &str, fresh: &str) -> Result<(), Failure> {
    let version = admin.ask_one("SELECT pg_catalog.current_setting('server_version_num')")?;
    let version = number(&version);
    // The columns grew with the server's versions.
    let icu = match version {
        ..150_000 => "NULL",
        150_000..170_000 => "d.daticulocale",
        _ => "d.datlocale",
    };
    let provider = if version < 150_000 { "'c'" } else { "d.datlocprovider" };
    let row = admin.ask_one(&format!(
        "SELECT pg_catalog.pg_encoding_to_char(d.encoding), d.datcollate, d.datctype, {provider},
                {icu}, pg_catalog.pg_get_userbyid(d.datdba), t.spcname
         FROM pg_catalog.pg_database d JOIN pg_catalog.pg_tablespace t ON t.oid = d.dattablespace
         WHERE d.datname = {}",
        literal(like)
    ))?;
    let cell = |at: usize| row.get(at).cloned().flatten();
    let mut sql = format!("CREATE DATABASE {} TEMPLATE template0", name(fresh));
    let text = |sql: &mut String, word: &str, at: usize| {
        if let Some(value) = cell(at) {
            sql.push_str(&format!(" {word} {}", literal(&value)));
        }
    };
    text(&mut sql, "ENCODING", 0);
    text(&mut sql, "LC_COLLATE", 1);
    text(&mut sql, "LC_CTYPE", 2);
    match cell(3).as_deref() {
        Some("i") => {
            sql.push_str(" LOCALE_PROVIDER icu");
            text(&mut sql, "ICU_LOCALE", 4);
        }
        Some("b") => {
            sql.push_str(" LOCALE_PROVIDER builtin");
            text(&mut sql, "BUILTIN_LOCALE", 4);
        }
        _ => {}
    }
    if let Some(owner) = cell(5) {
        sql.push_str(&format!(" OWNER {}", name(&owner)));
    }
    // To name the usual one takes a right that leaving it out doesn't.
    if let Some(space) = cell(6).filter(|space| space != "pg_default") {
        sql.push_str(&format!(" TABLESPACE {}", name(&space)));
    }
    admin.run(&sql)
}

fn number(row: &[Option<String>]) -> u32 {
    row.first().cloned().flatten().and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// A statement, and what it is about, for people: a setting's value may be a secret.
struct Statement {
    about: String,
    sql: String,
}

/// Gives `fresh` the grants, the settings and the connection limit of `like`. Its comment it
/// gets with its place.
/// All or nothing: a database that lacks one of them isn't the same to everybody.
pub(crate) fn carry_over(admin: &mut Conn, like: &str, fresh: &str) -> Result<(), Failure> {
    let statements = statements(admin, like, fresh)?;
    together(admin, |admin| {
        for Statement { about, sql } in &statements {
            admin.run(sql).map_err(|failure| Failure {
                message: format!("{about} can't be carried over: {}", failure.message),
                ..failure
            })?;
        }
        Ok(())
    })
}

fn statements(admin: &mut Conn, like: &str, fresh: &str) -> Result<Vec<Statement>, Failure> {
    let (like, to) = (literal(like), name(fresh));
    let of = |about: &str, sql: String| Statement { about: about.to_owned(), sql };
    let public = "what everybody may do";
    let mut out = vec![of(public, format!("REVOKE ALL ON DATABASE {to} FROM PUBLIC"))];
    let grants = admin.ask(&format!(
        "SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END,
                a.privilege_type, CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
         FROM pg_catalog.pg_database d,
              pg_catalog.aclexplode(coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba))) a
         WHERE d.datname = {like}"
    ))?;
    out.extend(grants.into_iter().filter_map(|row| {
        let [grantee, privilege, option] = <[Option<String>; 3]>::try_from(row).ok()?;
        let (grantee, privilege) = (grantee?, privilege?);
        let sql = format!("GRANT {privilege} ON DATABASE {to} TO {grantee}{}", option?);
        Some(of(&format!("what {grantee} may do"), sql))
    }));
    let settings = admin.ask(&format!(
        "SELECT pg_catalog.quote_ident(r.rolname), pg_catalog.split_part(c, '=', 1),
                pg_catalog.substr(c, pg_catalog.strpos(c, '=') + 1)
         FROM pg_catalog.pg_db_role_setting s
         JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
         LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
         CROSS JOIN pg_catalog.unnest(s.setconfig) c WHERE d.datname = {like}"
    ))?;
    out.extend(settings.into_iter().filter_map(|row| {
        let [role, key, value] = <[Option<String>; 3]>::try_from(row).ok()?;
        let (shown, value) = (key?, value?);
        let (key, value) = (quoted(&shown), setting(&shown, &value));
        Some(match role {
            Some(role) => of(
                &format!("the setting {shown} of the role {role}"),
                format!("ALTER ROLE {role} IN DATABASE {to} SET {key} TO {value}"),
            ),
            None => of(
                &format!("the database's setting {shown}"),
                format!("ALTER DATABASE {to} SET {key} TO {value}"),
            ),
        })
    }));
    let rest = admin.ask_one(&format!(
        "SELECT datconnlimit FROM pg_catalog.pg_database WHERE datname = {like}"
    ))?;
    let limit = rest.into_iter().next().flatten().unwrap_or_else(|| "-1".to_owned());
    let sql = format!("ALTER DATABASE {to} CONNECTION LIMIT {limit}");
    out.push(of("the connection limit", sql));
    Ok(out)
}

/// A setting's name: the parts of one with a prefix are names of their own.
fn quoted(key: &str) -> String {
    key.split('.').map(name).collect::<Vec<_>>().join(".")
}

/// The settings that are lists of names: the server quotes their items, so that one text would
/// be taken for one name. The same six are in `pg_dump`.
const LISTS: [&str; 6] = [
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

/// A setting's value.
fn setting(key: &str, value: &str) -> String {
    if !LISTS.iter().any(|list| key.eq_ignore_ascii_case(list)) || value.trim().is_empty() {
        return literal(value);
    }
    items(value).iter().map(|item| literal(item)).collect::<Vec<_>>().join(", ")
}

/// The names of a list; one in quotes may hold a comma, and a quote twice.
fn items(value: &str) -> Vec<String> {
    let mut items = vec![String::new()];
    let mut in_quotes = false;
    let mut chars = value.chars().peekable();
    while let Some(char) = chars.next() {
        match (char, items.last_mut()) {
            ('"', Some(item)) if in_quotes && chars.peek() == Some(&'"') => {
                chars.next();
                item.push('"');
            }
            ('"', _) => in_quotes = !in_quotes,
            (',', _) if !in_quotes => items.push(String::new()),
            (char, _) if char.is_whitespace() && !in_quotes => {}
            (char, Some(item)) => item.push(char),
            (_, None) => {}
        }
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_given_item_by_item_and_a_text_whole() {
        for (key, value, sql) in [
            ("search_path", "app, public", "'app', 'public'"),
            ("Search_Path", "\"$user\", public", "'$user', 'public'"),
            ("search_path", "\"a, b\"\"c\", d", "'a, b\"c', 'd'"),
            ("search_path", "", "''"),
            ("lock_timeout", "5s", "'5s'"),
            ("app.motto", "it's", "'it''s'"),
            ("app.greeting", "hello, world", "'hello, world'"),
            ("DateStyle", "ISO, DMY", "'ISO, DMY'"),
        ] {
            assert_eq!(setting(key, value), sql, "{key} = {value}");
        }
    }
}
