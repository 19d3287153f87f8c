//! An answer of the plain form: an order as documented, no error, and only fields that nearly every document asks for.
//!
//! Not here: any other answer. It is read as far as it can be (`order`), which takes several times as long.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::order::{exact, execution_state};
use crate::domain::order::Alias;
use crate::domain::stored::{StoredLine, StoredOrder};
use crate::ports::Operation;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Data<'a> {
    #[serde(borrow)]
    create_order: Option<Changed<'a>>,
    #[serde(borrow)]
    update_order: Option<Changed<'a>>,
    #[serde(borrow)]
    order: Option<Order<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changed<'a> {
    #[serde(borrow)]
    order: Order<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Order<'a> {
    id: String,
    aliases: Option<Vec<Alias>>,
    #[serde(borrow)]
    metadata: Option<Metadata<'a>>,
    #[serde(borrow)]
    line_items: Option<Vec<Line<'a>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Metadata<'a> {
    #[serde(borrow)]
    execution_state: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    id: Option<String>,
    aliases: Option<Vec<Alias>>,
    #[serde(borrow)]
    amount: Option<Pieces<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pieces<'a> {
    #[serde(borrow)]
    value: Option<&'a RawValue>,
}

/// The order of a plain answer, with the operation that it answers; none where the answer is of another form.
pub(super) fn read(body: &[u8]) -> Option<(Operation, StoredOrder)> {
    let text = std::str::from_utf8(body).ok()?;
    let Envelope { data } = serde_json::from_str(text).ok()?;
    match (data.create_order, data.update_order, data.order) {
        (Some(created), None, None) => Some((Operation::CreateOrder, stored(created.order)?)),
        (None, Some(updated), None) => Some((Operation::UpdateOrder, stored(updated.order)?)),
        (None, None, Some(order)) => Some((Operation::Order, stored(order)?)),
        (None, None, None) | (Some(_), Some(_), _) | (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => None,
    }
}

fn stored(order: Order<'_>) -> Option<StoredOrder> {
    let Order { id, aliases, metadata, line_items } = order;
    let state = metadata.and_then(|metadata| metadata.execution_state);
    Some(StoredOrder {
        id,
        aliases,
        lines: match line_items {
            Some(lines) => Some(lines.into_iter().map(line).collect::<Option<_>>()?),
            None => None,
        },
        execution_state: state.as_deref().map(execution_state),
        ..StoredOrder::default()
    })
}

fn line(line: Line<'_>) -> Option<StoredLine> {
    let quantity = match line.amount.and_then(|amount| amount.value) {
        None => None,
        Some(number) if number.get().starts_with(|first: char| first == '-' || first.is_ascii_digit()) => {
            exact(number.get())
        }
        // a number as a text, or none at all
        Some(_) => return None,
    };
    Some(StoredLine { id: line.id, aliases: line.aliases, quantity, ..StoredLine::default() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::api::body::Body;
    use crate::api::transport::RawAnswer;
    use crate::api::wire::Answer;

    fn order() -> Value {
        json!({
            "id": "322-1",
            "aliases": [{ "aliasType": "EXTERNAL_ID", "aliasId": "SO-\u{e9}\n1" }],
            "metadata": { "executionState": "NOT_STARTED" },
            "lineItems": [
                { "id": "line-1", "aliases": [{ "aliasType": "T", "aliasId": "1" }], "amount": { "value": 2 } },
                { "id": null, "aliases": null, "amount": { "value": null } },
                { "amount": null },
            ],
        })
    }

    fn raw(status: u16, body: &str) -> RawAnswer {
        RawAnswer { status, retry_after: None, body: Body::decoded(body.as_bytes().to_vec(), None) }
    }

    /// The order of an answer, read by fields that may be missing or wrong.
    fn by_fields(operation: Operation, body: &str) -> Option<StoredOrder> {
        let answer = Answer::by_fields(raw(200, body));
        match operation {
            Operation::Order => answer.queried().ok().flatten(),
            Operation::CreateOrder | Operation::UpdateOrder => answer.mutated(operation).ok(),
        }
    }

    #[test]
    fn a_plain_answer_is_read_as_any_other_is() {
        for (operation, data) in [
            (Operation::CreateOrder, json!({ "createOrder": { "order": order() } })),
            (Operation::UpdateOrder, json!({ "updateOrder": { "order": order() } })),
            (Operation::Order, json!({ "order": order() })),
            (Operation::Order, json!({ "order": { "id": "1" } })),
            (Operation::Order, json!({ "order": { "id": "1", "aliases": null, "metadata": null, "lineItems": null } })),
            (Operation::Order, json!({ "order": { "id": "1", "metadata": { "executionState": "HALTED" } } })),
        ] {
            let body = json!({ "data": data }).to_string();
            let (answers, stored) = read(body.as_bytes()).unwrap();
            assert_eq!((answers, Some(stored)), (operation, by_fields(operation, &body)), "{body}");
        }
    }

    #[test]
    fn an_answer_of_another_form_is_left_to_the_other_reader() {
        let with = |field: &str, value: Value| {
            let mut order = order();
            order[field] = value;
            json!({ "data": { "order": order } })
        };
        for other in [
            json!({ "data": { "order": order() }, "errors": [] }),
            json!({ "data": { "order": order() }, "errors": [{ "message": "partly" }] }),
            json!({ "data": { "order": order() }, "code": "Denied" }),
            json!({ "data": { "order": order(), "createOrder": { "order": order() } } }),
            json!({ "data": { "order": null } }),
            json!({ "data": null }),
            json!({}),
            with("id", json!(7)),
            with("id", Value::Null),
            with("aliases", json!([{ "aliasType": "EXTERNAL_ID" }])),
            with("aliases", json!("none")),
            with("metadata", json!({ "executionState": 1 })),
            with("lineItems", json!([null])),
            with("lineItems", json!([{ "id": "1", "product": { "id": "P" } }])),
            with("lineItems", json!([{ "id": "1", "amount": { "value": "2" } }])),
            with("refunds", Value::Null),
        ] {
            assert_eq!(read(other.to_string().as_bytes()), None, "{other}");
        }
        for text in ["", "[]", "<html>", r#"{"data":{"order":{"id":"1"},"order":{"id":"2"}}}"#] {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn an_order_beside_another_status_than_success_is_not_read_as_plain() {
        let body = json!({ "data": { "order": order() } }).to_string();
        assert!(Answer::read(raw(200, &body)).is_plain());
        assert!(!Answer::read(raw(500, &body)).is_plain());
    }

    /// A value near to what a field of an answer holds.
    fn near(expected: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Value> {
        let others = vec![json!(null), json!(1), json!(2.50), json!("text"), json!([]), json!({}), json!([null])];
        prop_oneof![8 => expected, 1 => prop::sample::select(others)]
    }

    fn object(fields: Vec<(&'static str, BoxedStrategy<Value>)>) -> impl Strategy<Value = Value> {
        let fields: Vec<_> =
            fields.into_iter().map(|(name, value)| (Just(name), prop::option::weighted(0.9, value))).collect();
        fields.prop_map(|fields| {
            let told = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
            Value::Object(told.collect())
        })
    }

    fn text() -> BoxedStrategy<Value> {
        near("[a-z\"\\\\é]{0,4}".prop_map(Value::from)).boxed()
    }

    fn list(of: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Value> {
        near(prop::collection::vec(near(of), 0..3).prop_map(Value::from)).boxed()
    }

    fn any_order() -> impl Strategy<Value = Value> {
        let alias = || object(vec![("aliasType", text()), ("aliasId", text())]);
        let number = prop::sample::select(vec!["1", "2.50", "1e2", "99999999999999999999999999999999"]);
        let number = number.prop_map(|number| serde_json::from_str(number).unwrap());
        let pieces = near(object(vec![("value", near(number).boxed())])).boxed();
        let line = object(vec![("id", text()), ("aliases", list(alias())), ("amount", pieces)]);
        let metadata = near(object(vec![("executionState", text())])).boxed();
        object(vec![("id", text()), ("aliases", list(alias())), ("metadata", metadata), ("lineItems", list(line))])
    }

    proptest! {
        #[test]
        fn whatever_is_read_as_plain_is_what_the_other_reader_finds(order in any_order()) {
            let body = json!({ "data": { "order": order } }).to_string();
            if let Some((operation, stored)) = read(body.as_bytes()) {
                prop_assert_eq!(Some(stored), by_fields(operation, &body), "{}", body);
            }
        }
    }
}
