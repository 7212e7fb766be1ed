//! Cases of migrations for what SQL can't say: what they make of rows is computed again here.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy lets tests do both, but not the functions of a harness of its own"
)]

use std::process::ExitCode;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use portcullis_test::code::{Case, case};

fn main() -> ExitCode {
    portcullis_test::code::main(vec![names_are_split_as_rust_splits_them(), totals_are_the_sums()])
}

/// The same closures on both engines; each makes them for its own connection.
macro_rules! on_both_engines {
    ($case:expr, $before:expr, $after:expr) => {
        $case.sqlite($before, $after).postgres($before, $after)
    };
    ($case:expr, $before:expr, $after:expr, $down:expr) => {
        $case.sqlite_and_down($before, $after, $down).postgres_and_down($before, $after, $down)
    };
}

/// The tables as they were then, as far as a case needs them.
mod then {
    diesel::table! {
        customers (id) {
            id -> Text,
            full_name -> Nullable<Text>,
        }
    }

    diesel::table! {
        #[sql_name = "customers"]
        split_customers (id) {
            id -> Text,
            given_name -> Text,
            family_name -> Text,
        }
    }

    diesel::table! {
        orders (id) {
            id -> Text,
            customer_id -> Text,
        }
    }

    diesel::table! {
        #[sql_name = "orders"]
        summed_orders (id) {
            id -> Text,
            total_cents -> Nullable<Integer>,
        }
    }

    diesel::table! {
        prints (id) {
            id -> Text,
            order_id -> Text,
            composition_id -> Text,
            quantity -> Integer,
            print_size_id -> Nullable<Text>,
        }
    }
}

/// A customer's key, and the whole name.
type Named = (String, Option<String>);

/// Every mixture of scripts and blanks.
fn names() -> Vec<Named> {
    const FIRST: [&str; 9] =
        ["Anna", "Zoë", "Jose\u{301}", "Ольга", "محمد", "太郎", "D’Arcy", "🦊", "\u{a0}Nö"];
    const LAST: [&str; 6] =
        ["", "van Dijk", "García\tMárquez", "O'Neill  y  Peña", "Ἀθηνᾶ", "山田"];
    const BLANKS: [&str; 5] = ["", " ", "\t", "  ", " \t "];
    let mut names = vec![None, Some(String::new())];
    for first in FIRST {
        for last in LAST {
            for around in BLANKS {
                for between in &BLANKS[1..] {
                    names.push(Some(format!("{around}{first}{between}{last}{around}")));
                }
            }
        }
    }
    let with_key = |(at, name): (usize, Option<String>)| (format!("customer-{at:04}"), name);
    names.into_iter().enumerate().map(with_key).collect()
}

/// Given and family name: parted at the first blank, without blanks around them.
fn split(name: Option<&str>) -> (String, String) {
    let name = name.unwrap_or_default().replace('\t', " ");
    let name = name.trim_matches(' ');
    let (given, family) = name.split_once(' ').unwrap_or((name, ""));
    (given.to_owned(), family.trim_matches(' ').to_owned())
}

fn names_are_split_as_rust_splits_them() -> Case {
    use then::{customers, split_customers};
    on_both_engines!(
        case("2024-05-06-100000_split_customer_names", "splits_names_of_every_script"),
        |db| {
            let names = names();
            let rows: Vec<_> = names
                .iter()
                .map(|(id, name)| (customers::id.eq(id), customers::full_name.eq(name)))
                .collect();
            diesel::insert_into(customers::table).values(&rows).execute(db)?;
            Ok(names)
        },
        |db, names| {
            let rows: Vec<(String, String, String)> =
                split_customers::table.order(split_customers::id).load(db)?;
            assert_eq!(rows.len(), names.len());
            for ((id, name), (found, given, family)) in names.iter().zip(rows) {
                assert_eq!(*id, found);
                assert_eq!((given, family), split(name.as_deref()), "of {name:?}");
            }
            Ok(names)
        },
        |db, names| {
            let rows: Vec<Named> = customers::table.order(customers::id).load(db)?;
            let tidied = names.into_iter().map(|(id, name)| {
                let (given, family) = split(name.as_deref());
                let whole = format!("{given} {family}").trim_matches(' ').to_owned();
                (id, Some(whole).filter(|whole| !whole.is_empty()))
            });
            assert_eq!(rows.len(), tidied.len());
            for (found, name) in rows.into_iter().zip(tidied) {
                assert_eq!(found, name);
            }
            Ok(())
        }
    )
}

/// What a print needs to be there.
const PARENTS: &str = "
    INSERT INTO studios (id, name) VALUES ('studio', 'North Light');
    INSERT INTO customers (id) VALUES ('customer');
    INSERT INTO sessions (id, studio_id, customer_id, held_at)
    VALUES ('session', 'studio', 'customer', '2024-01-23 10:00:00');
    INSERT INTO compositions (id, session_id) VALUES ('composition', 'session');
";

fn totals_are_the_sums() -> Case {
    use schema::schema::print_sizes;
    use then::{orders, prints, summed_orders};
    on_both_engines!(
        case("2024-04-02-090000_backfill_order_totals", "sums_what_each_order_costs"),
        |db| {
            db.batch_execute(PARENTS)?;
            let sizes: Vec<(String, i32)> = print_sizes::table
                .select((print_sizes::id, print_sizes::price_cents))
                .order(print_sizes::code)
                .load(db)?;
            let mut totals: Vec<(String, Option<i32>)> = Vec::new();
            for number in 0..200_usize {
                let order = format!("order-{number:03}");
                diesel::insert_into(orders::table)
                    .values((orders::id.eq(&order), orders::customer_id.eq("customer")))
                    .execute(db)?;
                let mut total = Some(0);
                // As many prints as the number ends in, of sizes and quantities that vary.
                for print in 0..number % 10 {
                    // In every third order nobody could read one of them.
                    let is_unread = number % 3 == 0 && print == 1;
                    let size = (!is_unread).then(|| &sizes[(number + print) % sizes.len()]);
                    let quantity = (number * 31 + print * 17) as i32 % 12;
                    total = total.zip(size).map(|(total, (_, price))| total + price * quantity);
                    diesel::insert_into(prints::table)
                        .values((
                            prints::id.eq(format!("{order}-{print}")),
                            prints::order_id.eq(&order),
                            prints::composition_id.eq("composition"),
                            prints::quantity.eq(quantity),
                            prints::print_size_id.eq(size.map(|(id, _)| id)),
                        ))
                        .execute(db)?;
                }
                totals.push((order, total));
            }
            // Neither would be a proof alone.
            assert!(totals.iter().any(|(_, total)| total.is_none()));
            assert!(totals.iter().filter(|(_, total)| *total > Some(0)).count() > 100);
            Ok(totals)
        },
        |db, totals| {
            let found: Vec<(String, Option<i32>)> =
                summed_orders::table.order(summed_orders::id).load(db)?;
            assert_eq!(found.len(), totals.len());
            for (found, total) in found.into_iter().zip(totals) {
                assert_eq!(found, total);
            }
            Ok(())
        }
    )
}
