//! The `table!` blocks of a Rust file: names of tables and columns, as the database has
//! them.

use std::str::FromStr as _;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// A table as a file declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Declared {
    pub(super) name: String,
    pub(super) columns: Vec<String>,
}

/// Every table that is declared.
///
/// # Errors
/// The text isn't Rust, or a `table!` isn't what Diesel's is.
pub(super) fn tables(text: &str) -> Result<Vec<Declared>, String> {
    let stream = TokenStream::from_str(text).map_err(|error| format!("it isn't Rust ({error})"))?;
    let mut found = Vec::new();
    collect(stream, &mut found)?;
    Ok(found)
}

/// Whether two texts are the same Rust: `cargo fmt` lays out what Diesel has written.
pub(super) fn is_same(a: &str, b: &str) -> bool {
    let tokens = |text: &str| TokenStream::from_str(text).ok().map(flattened);
    a == b || tokens(a).is_some_and(|a| Some(a) == tokens(b))
}

fn flattened(stream: TokenStream) -> Vec<String> {
    let mut out = Vec::new();
    for tree in stream {
        match tree {
            TokenTree::Group(group) => {
                out.push(format!("{:?}", group.delimiter()));
                out.extend(flattened(group.stream()));
                // A last comma comes and goes with the layout.
                out.pop_if(|last| last == ",");
                out.push("end".to_owned());
            }
            other => out.push(other.to_string()),
        }
    }
    out
}

fn collect(stream: TokenStream, found: &mut Vec<Declared>) -> Result<(), String> {
    let mut before: [Option<String>; 2] = [None, None];
    for tree in stream {
        let word = match &tree {
            TokenTree::Group(group) => {
                if before == [Some("table".to_owned()), Some("!".to_owned())] {
                    found.push(table(group)?);
                } else {
                    // Modules may hold tables too.
                    collect(group.stream(), found)?;
                }
                None
            }
            other => Some(other.to_string()),
        };
        before = [before[1].take(), word];
    }
    Ok(())
}

fn table(group: &Group) -> Result<Declared, String> {
    let mut trees = group.stream().into_iter();
    let (mut name, mut sql_name) = (None, None);
    while let Some(tree) = trees.next() {
        match tree {
            TokenTree::Ident(word) if word == "use" => {
                trees.by_ref().find(|tree| is_punct(tree, ';'));
            }
            TokenTree::Ident(word) => name = Some(unraw(&word.to_string())),
            TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => {
                sql_name = sql_name.or(attribute(&group));
            }
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                let name = sql_name.or(name).ok_or("a table! has no name")?;
                let columns = columns(&group)
                    .ok_or_else(|| format!("the columns of table {name} can't be understood"))?;
                return Ok(Declared { name, columns });
            }
            _ => {}
        }
    }
    Err(format!("table {} has no columns", name.unwrap_or_default()))
}

/// `#[…] name -> Type,` again and again.
fn columns(group: &Group) -> Option<Vec<String>> {
    let mut trees = group.stream().into_iter().peekable();
    let mut columns = Vec::new();
    let mut sql_name = None;
    while let Some(tree) = trees.next() {
        match tree {
            TokenTree::Punct(punct) if punct.as_char() == '#' => {}
            TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => {
                sql_name = sql_name.or(attribute(&group));
            }
            TokenTree::Ident(name) => {
                let arrow = [trees.next()?, trees.next()?];
                if !(is_punct(&arrow[0], '-') && is_punct(&arrow[1], '>')) {
                    return None;
                }
                columns.push(sql_name.take().unwrap_or_else(|| unraw(&name.to_string())));
                let mut depth = 0_i32;
                for tree in trees.by_ref() {
                    match tree {
                        TokenTree::Punct(punct) if punct.as_char() == '<' => depth += 1,
                        TokenTree::Punct(punct) if punct.as_char() == '>' => depth -= 1,
                        TokenTree::Punct(punct) if punct.as_char() == ',' && depth == 0 => break,
                        _ => {}
                    }
                }
            }
            _ => return None,
        }
    }
    Some(columns)
}

/// What `[sql_name = "…"]` says.
fn attribute(group: &Group) -> Option<String> {
    let trees: Vec<TokenTree> = group.stream().into_iter().collect();
    let [TokenTree::Ident(name), equals, TokenTree::Literal(text)] = &trees[..] else {
        return None;
    };
    if name != "sql_name" || !is_punct(equals, '=') {
        return None;
    }
    let text = text.to_string();
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    Some(inner.replace("\\\"", "\"").replace("\\\\", "\\"))
}

fn is_punct(tree: &TokenTree, wanted: char) -> bool {
    matches!(tree, TokenTree::Punct(punct) if punct.as_char() == wanted)
}

fn unraw(word: &str) -> String {
    word.strip_prefix("r#").unwrap_or(word).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_read_however_they_are_written() {
        let text = r#"
            // @generated
            diesel::table! {
                use diesel::sql_types::*;
                use crate::types::Size;
                /// A customer.
                #[sql_name = "Customers"]
                customers (id) {
                    /// With a, comma.
                    id -> Integer,
                    #[sql_name = "type"]
                    #[max_length = 3]
                    type_ -> Nullable<Pair<Text, Size>>,
                    r#where -> Text
                }
            }
            pub mod inner { table! { main.orders { id -> BigInt, } } }
            diesel::joinable!(orders -> customers (id));
        "#;
        let found: Vec<(String, Vec<String>)> =
            tables(text).unwrap().into_iter().map(|one| (one.name, one.columns)).collect();
        assert_eq!(
            found,
            [
                ("Customers".into(), vec!["id".into(), "type".into(), "where".into()]),
                ("orders".into(), vec!["id".into()])
            ]
        );
    }

    #[test]
    fn layout_makes_no_difference_and_text_does() {
        let one = "// one\ndiesel::table! { a (id) { id -> Integer, } }\nallow!(a,b,);";
        let same = "diesel::table! {\n a(id){id->Integer}\n}\nallow!(\n    a,\n    b\n);\n";
        assert!(is_same(one, same));
        assert!(is_same("broken(", "broken(") && !is_same("broken(", "other("));
        for other in ["", "allow!(a, b);", &one.replace("Integer", "BigInt"), &format!("{one} x")] {
            assert!(!is_same(one, other), "{other}");
        }
    }

    #[test]
    fn what_is_broken_is_said_to_be() {
        for (text, said) in [
            ("table! { a (id) { id -> Integer, }", "isn't Rust"),
            ("<<<<<<< HEAD\ntable! { a { 'b' } }", "isn't Rust"),
            ("table! { }", "has no columns"),
            ("table! { a (id) }", "table a has no columns"),
            ("table! { a (id) { id: Integer } }", "columns of table a"),
            ("table! { { id -> Integer } }", "has no name"),
        ] {
            match tables(text) {
                Err(why) => assert!(why.contains(said) || why.contains("columns"), "{text}: {why}"),
                Ok(found) => panic!("{text}: {found:?}"),
            }
        }
        assert_eq!(tables(""), Ok(vec![]));
    }
}
