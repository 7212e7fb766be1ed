// @generated automatically by Diesel CLI.

diesel::table! {
    composition_photographs (composition_id, photograph_id) {
        composition_id -> Text,
        photograph_id -> Text,
        position -> Integer,
    }
}

diesel::table! {
    compositions (id) {
        id -> Text,
        session_id -> Text,
        title -> Nullable<Text>,
        layout -> Text,
    }
}

diesel::table! {
    customers (id) {
        id -> Text,
        studio_id -> Nullable<Text>,
        given_name -> Text,
        family_name -> Text,
        email -> Nullable<Text>,
        phone -> Nullable<Text>,
        marketing_consent -> Bool,
        created_at -> Timestamp,
    }
}

diesel::table! {
    orders (id) {
        id -> Text,
        customer_id -> Text,
        studio_id -> Nullable<Text>,
        placed_at -> Timestamp,
        status -> Text,
        note -> Nullable<Text>,
        total_cents -> Nullable<Integer>,
    }
}

diesel::table! {
    photographs (id) {
        id -> Text,
        session_id -> Text,
        file_name -> Text,
        rating -> Nullable<Integer>,
        taken_at -> Nullable<Timestamp>,
        checksum -> Nullable<Text>,
        archived_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    print_sizes (id) {
        id -> Text,
        code -> Text,
        width_mm -> Integer,
        height_mm -> Integer,
        price_cents -> Integer,
    }
}

diesel::table! {
    prints (id) {
        id -> Text,
        order_id -> Text,
        composition_id -> Text,
        size -> Nullable<Text>,
        quantity -> Integer,
        print_size_id -> Nullable<Text>,
    }
}

diesel::table! {
    sessions (id) {
        id -> Text,
        studio_id -> Text,
        customer_id -> Text,
        held_at -> Timestamp,
        photographer -> Nullable<Text>,
    }
}

diesel::table! {
    studios (id) {
        id -> Text,
        name -> Text,
        city -> Nullable<Text>,
        opened_on -> Nullable<Date>,
    }
}

diesel::joinable!(composition_photographs -> compositions (composition_id));
diesel::joinable!(composition_photographs -> photographs (photograph_id));
diesel::joinable!(compositions -> sessions (session_id));
diesel::joinable!(customers -> studios (studio_id));
diesel::joinable!(orders -> customers (customer_id));
diesel::joinable!(orders -> studios (studio_id));
diesel::joinable!(photographs -> sessions (session_id));
diesel::joinable!(prints -> compositions (composition_id));
diesel::joinable!(prints -> orders (order_id));
diesel::joinable!(prints -> print_sizes (print_size_id));
diesel::joinable!(sessions -> customers (customer_id));
diesel::joinable!(sessions -> studios (studio_id));

diesel::allow_tables_to_appear_in_same_query!(
    composition_photographs,
    compositions,
    customers,
    orders,
    photographs,
    print_sizes,
    prints,
    sessions,
    studios,
);
