//! Each model is inserted and comes back as it was, on either engine.

use diesel::prelude::*;
use schema::models::{
    Composition, CompositionPhotograph, Customer, Order, Photograph, Print, PrintSize, Session,
    Studio,
};
use schema::schema::{
    composition_photographs, compositions, customers, orders, photographs, print_sizes, prints,
    sessions, studios,
};
use time::macros::{date, datetime};

use crate::support::postgres::Postgres;
use crate::support::sqlite::Sqlite;
use crate::support::{Database, Way};

fn migrated<D: Database>(mut database: D) -> D {
    for index in 0..database.directories().len() {
        database.migrate(index, Way::Up).unwrap();
    }
    database
}

fn text(text: &str) -> String {
    text.to_owned()
}

/// Diesel's queries need the connection's type: one body for both.
macro_rules! round_trips {
    ($name:ident, $database:expr) => {
        #[test]
        fn $name() {
            let mut database = migrated($database);
            let db = &mut database.connection;
            macro_rules! round_trip {
                ($table:ident, $model:ident, $row:expr) => {
                    let row = $row;
                    diesel::insert_into($table::table).values(&row).execute(db).unwrap();
                    let found: Vec<$model> =
                        $table::table.select($model::as_select()).load(db).unwrap();
                    assert!(found.contains(&row), "{found:?}");
                };
            }
            round_trip!(studios, Studio, Studio {
                id: text("s1"),
                name: text("Mill"),
                city: None,
                opened_on: Some(date!(2009 - 05 - 02)),
            });
            round_trip!(customers, Customer, Customer {
                id: text("c1"),
                studio_id: Some(text("s1")),
                given_name: text("Zoë"),
                family_name: text("van Dijk"),
                email: Some(text("zoe@example.org")),
                phone: None,
                marketing_consent: true,
                created_at: datetime!(2025-03-01 10:00:00),
            });
            round_trip!(sessions, Session, Session {
                id: text("e1"),
                studio_id: text("s1"),
                customer_id: text("c1"),
                held_at: datetime!(2025-03-02 23:59:59.123456),
                photographer: Some(text("Mia")),
            });
            round_trip!(photographs, Photograph, Photograph {
                id: text("p1"),
                session_id: text("e1"),
                file_name: text("DSC_1.NEF"),
                rating: Some(-1),
                taken_at: Some(datetime!(1999-12-31 23:59:59)),
                checksum: None,
                archived_at: None,
            });
            round_trip!(compositions, Composition, Composition {
                id: text("m1"),
                session_id: text("e1"),
                title: None,
                layout: text("single"),
            });
            round_trip!(composition_photographs, CompositionPhotograph, CompositionPhotograph {
                composition_id: text("m1"),
                photograph_id: text("p1"),
                position: 1,
            });
            round_trip!(orders, Order, Order {
                id: text("o1"),
                customer_id: text("c1"),
                studio_id: None,
                placed_at: datetime!(2025-03-03 12:00:00),
                status: text("paid"),
                note: Some(String::new()),
                total_cents: Some(i32::MAX),
            });
            round_trip!(print_sizes, PrintSize, PrintSize {
                id: text("z1"),
                code: text("9x13"),
                width_mm: 90,
                height_mm: 130,
                price_cents: 190,
            });
            round_trip!(prints, Print, Print {
                id: text("r1"),
                order_id: text("o1"),
                composition_id: text("m1"),
                size: Some(text("9 x 13")),
                quantity: 3,
                print_size_id: Some(text("z1")),
            });
            let total = orders::table.select(orders::total_cents).first(db);
            assert_eq!(total, Ok(Some(570)), "the trigger keeps it");
        }
    };
}

round_trips!(on_sqlite, Sqlite::new());
round_trips!(on_postgres, Postgres::new());
